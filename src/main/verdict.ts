import type { Job, Slot } from '../shared/contract/index.ts';
import type { AgentState } from '../shared/desktop/bridge.ts';
import type { AgentFacts } from './agent-watch.ts';

/** What the tray says. Pure. */

/** All right, something moves or waits, something is broken. The shape carries it; colour only repeats it. */
export type Glyph = 'solid' | 'half' | 'octagon';

export interface Verdict {
  readonly glyph: Glyph;
  readonly sentence: string;
}

/** The worst fact first. */
export function verdictOf(state: AgentState, facts: AgentFacts | null): Verdict {
  if (state.state === 'stopped') return { glyph: 'octagon', sentence: state.message };
  if (state.state === 'starting' || facts === null) return { glyph: 'half', sentence: state.message };
  const broken = facts.slots.filter((slot) => slot.load_state === 'error');
  const [firstBroken] = broken;
  if (firstBroken !== undefined) {
    const sentence =
      broken.length === 1
        ? `${firstBroken.display_name}: ${firstBroken.load_error?.message ?? 'its model does not load.'}`
        : `${broken.length} slots do not load their models.`;
    return { glyph: 'octagon', sentence };
  }
  const locked = state.warnings.find(({ code }) => code === 'secrets_locked');
  if (locked !== undefined) return { glyph: 'half', sentence: locked.message };
  const moving = facts.slots.find(
    (slot) => slot.load_state === 'loading' || slot.load_state === 'reconciling',
  );
  if (moving !== undefined) return { glyph: 'half', sentence: slotLine(moving) };
  return { glyph: 'solid', sentence: servingSentence(servingCount(facts)) };
}

function servingSentence(count: number): string {
  if (count === 0) return 'The agent runs; no model is loaded.';
  return count === 1 ? '1 model is serving.' : `${count} models are serving.`;
}

function servingCount(facts: AgentFacts): number {
  return facts.slots.filter((slot) => slot.load_state === 'loaded').length;
}

/** One slot in the menu: its name, its state, and what it holds. */
export function slotLine(slot: Slot): string {
  const model = slot.loaded_managed_model_id ?? slot.assigned_model_id;
  const held = model === null ? '' : ` ${model}`;
  switch (slot.load_state) {
    case 'loaded':
      return `${slot.display_name}: serves${held}`;
    case 'loading':
      return `${slot.display_name}: ${slot.phase ?? 'loading'}${held}`;
    case 'reconciling':
      return `${slot.display_name}: ${slot.phase === 'backoff' ? 'waits to try again' : (slot.phase ?? 'changes')}${held}`;
    case 'error':
      return `${slot.display_name}: does not load${held}`;
    case 'empty':
      return `${slot.display_name}: empty`;
  }
}

/** One job in the menu, with how far it is where that is known. */
export function jobLine({ title, state, progress }: Job): string {
  const { bytes_done: done, bytes_total: total, phase } = progress ?? {};
  if (done !== undefined && typeof total === 'number' && total > 0) {
    // The last percent is shown when it is really done.
    return `${title}: ${Math.min(99, Math.floor((done / total) * 100))} %`;
  }
  return `${title}: ${phase ?? state}`;
}

export interface QuitQuestion {
  readonly message: string;
  readonly detail: string;
  readonly keep: string;
  readonly stop: string;
}

/** The question before the app ends while an agent runs. */
export function quitQuestion(facts: AgentFacts | null): QuitQuestion {
  const message = 'Quit ModelOps Node?';
  const serving = facts === null ? 0 : servingCount(facts);
  const jobs = facts?.jobs.length ?? 0;
  if (serving === 0 && jobs === 0) {
    return {
      message,
      detail: 'No model is serving and no job runs. The agent can go on without this app.',
      keep: 'Keep the agent and quit',
      stop: 'Stop the agent and quit',
    };
  }
  const models = serving === 1 ? '1 model is serving' : `${serving} models are serving`;
  const noun = facts?.jobs.every(({ kind }) => kind === 'download') === true ? 'download' : 'job';
  const running = jobs === 1 ? `1 ${noun} runs` : `${jobs} ${noun}s run`;
  const parts = [serving === 0 ? null : models, jobs === 0 ? null : running].filter((part) => part !== null);
  return {
    message,
    detail: `${parts.join(' and ')}.`,
    keep: 'Keep serving and quit',
    stop: 'Stop all and quit',
  };
}

/** The question before a slot is emptied from the tray. */
export function unloadQuestion(slot: Slot): { message: string; detail: string } {
  const requests = slot.requests_in_flight;
  const now =
    requests === 0
      ? 'No request runs now.'
      : `${requests === 1 ? '1 request is' : `${requests} requests are`} running and get 30 s to finish; new ones are refused with model_not_loaded.`;
  return {
    message: `Unload ${slot.loaded_managed_model_id ?? 'the model'} from ${slot.display_name}?`,
    detail: `${now} The model keeps its state and its files.`,
  };
}
