import type { PartResult } from './report.ts';
import type { Scope } from './scope.ts';

/** What every part of the benchmarks gets. */
export interface PartContext {
  readonly scope: Scope;
  /** Short rounds, to see whether it works at all. */
  readonly quick: boolean;
  /** Tells a waiting person what goes on; to stderr. */
  readonly log: (text: string) => void;
}

export type Part = (context: PartContext) => Promise<PartResult>;
