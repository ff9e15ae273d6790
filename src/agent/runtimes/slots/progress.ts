/** Whether a runtime that comes up gets anywhere: milestones of its spec, and percentages between them. */

export interface MilestoneState {
  readonly id: string;
  readonly label: string;
  readonly pattern: RegExp;
  reachedAt: number | null;
}

const PERCENT = /(\d{1,3})(?:\.\d+)?\s?%/;

/**
 * The progress of one start. Once a spec names milestones, only a new one counts, or a percentage higher than any since
 * the last one: an engine that only chats gets nowhere. Without milestones, any line counts.
 */
export class Progress {
  readonly milestones: readonly MilestoneState[];
  #last: number;
  #percent = -1;

  constructor(
    milestones: readonly { readonly id: string; readonly label: string; readonly pattern: string }[],
    now: number,
  ) {
    this.milestones = milestones.map(({ id, label, pattern }) => ({
      id,
      label,
      pattern: new RegExp(pattern),
      reachedAt: null,
    }));
    this.#last = now;
  }

  /** When it last got further. */
  get last(): number {
    return this.#last;
  }

  /** The newest milestone that was reached; null before the first, or where none are named. */
  get lastMilestone(): MilestoneState | null {
    return this.milestones.findLast((milestone) => milestone.reachedAt !== null) ?? null;
  }

  get allReached(): boolean {
    return this.milestones.length > 0 && this.milestones.every((milestone) => milestone.reachedAt !== null);
  }

  /** Takes a line of the log. @returns whether a milestone was reached. */
  line(text: string, now: number): boolean {
    if (this.milestones.length === 0) {
      this.#last = now;
      return false;
    }
    let reached = false;
    for (const milestone of this.milestones) {
      if (milestone.reachedAt !== null || !milestone.pattern.test(text)) continue;
      milestone.reachedAt = now;
      reached = true;
    }
    if (reached) {
      this.#last = now;
      this.#percent = -1;
      return true;
    }
    const percent = Number(PERCENT.exec(text)?.[1] ?? -1);
    if (percent > this.#percent && percent <= 100) {
      this.#percent = percent;
      this.#last = now;
    }
    return false;
  }

  /** It serves, so whatever its log did not say is behind it too. */
  done(now: number): void {
    for (const milestone of this.milestones) milestone.reachedAt ??= now;
    this.#last = now;
  }

  /** Counted anew from now: an adopted runtime may have been silent while no agent listened. */
  restart(now: number): void {
    this.#last = now;
  }
}
