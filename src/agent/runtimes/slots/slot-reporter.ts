import type { Slot } from '../../../shared/contract/index.ts';
import { LOAD_TRANSITIONS, type LoadState, type SlotPhase } from '../../../shared/lifecycle/index.ts';
import type { Clock } from '../../kernel/clock.ts';
import type { Database, UnitOfWork } from '../../kernel/database/database.ts';
import type { EventHub } from '../../kernel/event-hub.ts';
import type { Journal } from '../../kernel/journal.ts';
import type { NumberedLine } from './log-buffer.ts';
import { emptyObservation, type SlotObserved } from './slot-state.ts';
import type { SlotRow, SlotStore } from './slot-store.ts';

export interface SlotReporterDeps {
  readonly database: Database;
  readonly journal: Journal;
  readonly hub: EventHub;
  readonly clock: Clock;
  readonly store: SlotStore;
}

/** Holds what was last seen of a slot and tells it: the row, the journal, the event streams. */
export class SlotReporter {
  readonly observed: SlotObserved;
  readonly #id: string;
  readonly #deps: SlotReporterDeps;
  readonly #view: () => Slot;

  constructor(row: SlotRow, deps: SlotReporterDeps, view: () => Slot) {
    this.#id = row.id;
    this.#deps = deps;
    this.#view = view;
    this.observed = emptyObservation(row);
    // Until somebody has looked, a slot that wants a model is neither loaded nor empty.
    if (row.desired_model_id !== null && row.enabled) this.observed.loadState = 'reconciling';
  }

  /** @throws when the table of load states does not allow it: a fault in the slot's owner. */
  async setState(state: LoadState, phase: SlotPhase | null): Promise<void> {
    const { store, database, clock } = this.#deps;
    const before = this.observed.loadState;
    if (state !== before && !LOAD_TRANSITIONS[before].includes(state))
      throw new Error(`Slot ${this.#id} cannot go from ${before} to ${state}.`);
    const now = clock.now();
    if (this.observed.loadState !== state) this.observed.since = now;
    this.observed.loadState = state;
    this.observed.phase = phase;
    this.observed.observedAt = now;
    const row = store.find(this.#id);
    // Compared with what was last stored, so a restart that finds all as it was tells nothing.
    if (row !== undefined && !isTold(row, state, this.observed)) {
      await database.transact((unit) => {
        store.setLoadState(this.#id, state, this.observed.error, this.observed.since ?? now);
        if (row.load_state !== state) this.#journalState(unit, row, state);
      });
    }
    this.publish();
  }

  /** A finer phase of the same state; not a change that is stored or journaled. */
  setPhase(phase: SlotPhase): void {
    this.observed.phase = phase;
    this.observed.observedAt = this.#deps.clock.now();
    this.publish();
  }

  /** A line of a runtime's log: it may be a milestone, and somebody may be reading along. */
  line(attempt: number, { line, stream, text }: NumberedLine, isMilestone: boolean): void {
    const { hub } = this.#deps;
    if (isMilestone) this.publish();
    if (hub.hasListeners)
      hub.publish('logs', 'log', { slot_id: this.#id, attempt, lines: [{ line, stream, text }] });
  }

  publish(): void {
    const { hub, store } = this.#deps;
    if (hub.hasListeners && store.find(this.#id) !== undefined)
      hub.publish('slots', 'slot', { slot: this.#view() });
  }

  #journalState(unit: UnitOfWork, row: SlotRow, to: LoadState): void {
    const { error, attempt, loadedModelId } = this.observed;
    this.#deps.journal.append(unit, {
      actorId: null,
      action: 'slot.state_changed',
      subject: `slot:${this.#id}`,
      data: {
        from: row.load_state,
        to,
        model_id: loadedModelId ?? row.desired_model_id,
        attempt,
        ...(error === null ? {} : { error: error.error }),
      },
    });
  }
}

function isTold(row: SlotRow, state: LoadState, { error }: SlotObserved): boolean {
  return row.load_state === state && JSON.stringify(row.load_error) === JSON.stringify(error);
}
