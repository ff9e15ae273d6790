import type { AgentFile } from '../agent/kernel/agent-file.ts';

/** What the supervisor does about what it sees. Pure: one table, tested as one. */

export type Sighting =
  | { readonly saw: 'nobody' }
  /** A process with the number in `agent.json` is there and does not answer: it stops, hangs, or is another program. */
  | { readonly saw: 'silence'; readonly pid: number }
  | { readonly saw: 'agent'; readonly agent: AgentFile };

/** How a start failed. The words are the agent's own where it had any. */
export interface StartFailure {
  /** `no-program` when there was nothing to run, null when it did not end by itself. */
  readonly exitCode: number | 'no-program' | null;
  readonly message: string;
  readonly portTaken: boolean;
}

export type Observation =
  | Sighting
  | { readonly saw: 'start-failed'; readonly failure: StartFailure }
  | { readonly saw: 'end'; readonly how: 'stopped' | 'crashed' | 'replaced' };

export interface History {
  /** When agents ended unexpectedly, in milliseconds. */
  readonly crashes: readonly number[];
  /** Since when we wait for somebody who holds the directory; null when we do not. */
  readonly waitingSince: number | null;
  readonly now: number;
}

export type Step =
  | { readonly step: 'attach'; readonly agent: AgentFile }
  | { readonly step: 'start'; readonly afterMs: number; readonly anyPort: boolean; readonly message: string }
  | { readonly step: 'look'; readonly afterMs: number; readonly message: string }
  | { readonly step: 'rest'; readonly message: string };

export const MAX_RESTARTS = 5;
export const CRASH_WINDOW_MS = 10 * 60_000;
const WAIT_FOR_SILENT_MS = 60_000;
const LOOK_AGAIN_MS = 250;
const TRY_AGAIN_MS = 1000;
const FIRST_DELAY_MS = 500;

/** Exits of `modelops serve` that another try does not change: usage, schema, damage, an unusable directory. */
const HOPELESS: ReadonlySet<StartFailure['exitCode']> = new Set([2, 4, 5, 6, 'no-program'] as const);
const EXIT_LOCKED = 3;

/** Whether an observation is a crash, which counts against the limit. */
export function isCrash(observation: Observation): boolean {
  if (observation.saw === 'end') return observation.how === 'crashed';
  if (observation.saw !== 'start-failed') return false;
  const { exitCode, portTaken } = observation.failure;
  return !portTaken && exitCode !== EXIT_LOCKED && !HOPELESS.has(exitCode);
}

/** The next step. `history.crashes` counts this observation already. */
export function nextStep(observation: Observation, history: History): Step {
  switch (observation.saw) {
    case 'agent':
      return { step: 'attach', agent: observation.agent };
    case 'nobody':
      return starting(history);
    case 'silence':
      // After a power cut the number in the file may be anybody's. An agent that starts finds out whether the directory
      // is really held, and only then is there somebody to wait for.
      if (history.waitingSince === null) return starting(history);
      return waitFor(
        `Another agent (process ${observation.pid}) has the data directory and does not answer`,
        history,
      );
    case 'end':
      return afterEnd(observation.how, history);
    case 'start-failed':
      return afterFailedStart(observation.failure, history);
  }
}

/** Whoever held the directory a moment ago may still be about to answer. */
function starting({ waitingSince }: History): Step {
  const afterMs = waitingSince === null ? 0 : TRY_AGAIN_MS;
  return { step: 'start', afterMs, anyPort: false, message: 'The agent is starting.' };
}

function waitFor(reason: string, { waitingSince, now }: History): Step {
  if (waitingSince !== null && now - waitingSince >= WAIT_FOR_SILENT_MS) {
    return { step: 'rest', message: `${reason}. Stop it, then start the agent again.` };
  }
  return { step: 'look', afterMs: LOOK_AGAIN_MS, message: `${reason} yet.` };
}

function afterEnd(how: 'stopped' | 'crashed' | 'replaced', history: History): Step {
  if (how === 'replaced') return { step: 'look', afterMs: 0, message: 'Another agent took over.' };
  if (how === 'stopped') return { step: 'rest', message: 'The agent was stopped.' };
  return startAgain('The agent ended unexpectedly', history);
}

function afterFailedStart({ exitCode, message, portTaken }: StartFailure, history: History): Step {
  if (portTaken) {
    return {
      step: 'start',
      afterMs: 0,
      anyPort: true,
      message: 'Its port is taken; the agent tries another.',
    };
  }
  if (exitCode === EXIT_LOCKED)
    return waitFor('Another agent has the data directory and does not answer', history);
  if (HOPELESS.has(exitCode)) return { step: 'rest', message };
  return startAgain(`The agent did not start: ${message.replace(/\.$/, '')}`, history);
}

/** After 0.5, 1, 2, 4, 8 s, then no more until somebody asks or ten minutes have gone. */
function startAgain(what: string, { crashes, now }: History): Step {
  const recent = crashes.filter((at) => now - at < CRASH_WINDOW_MS).length;
  if (recent > MAX_RESTARTS) {
    return {
      step: 'rest',
      message: `${what}, ${recent} times in ten minutes. It is not started again by itself.`,
    };
  }
  return {
    step: 'start',
    afterMs: FIRST_DELAY_MS * 2 ** Math.max(0, recent - 1),
    anyPort: false,
    message: `${what}; it is started again (${recent} of ${MAX_RESTARTS} in ten minutes).`,
  };
}
