/** What the committing program tells at its end. Times in milliseconds. */
export interface CommitResult {
  readonly commits: number;
  /** How long a commit held the event loop. */
  readonly callP50: number;
  readonly callP99: number;
  readonly callMax: number;
  /** The longest of them without the time in which it was ready to run and had no processor. */
  readonly ownMax: number;
  /** Until it was on disk. */
  readonly durableP50: number;
  readonly durableP99: number;
  /** The longest time between two turns of the event loop, by Node's own monitor. */
  readonly loopMax: number;
}

/** `barrier` is the agent's own database; `full` lets SQLite wait for the disk itself; `none` only turns the loop. */
export type CommitMode = 'barrier' | 'full' | 'none';
