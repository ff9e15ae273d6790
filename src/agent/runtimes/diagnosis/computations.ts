/** The computations a rule may name. A closed set of pure functions: rules stay data. null means that no value is right. */

type Argument = unknown;
type Computation = (...from: readonly Argument[]) => unknown;

/** vLLM takes a share of the whole memory but checks it against what is free; this much stays for its own context. */
const FREE_MARGIN = 0.02;
const LEAST_UTILIZATION = 0.1;
const MOST_UTILIZATION = 0.95;
const UTILIZATION_STEP = 0.05;
const LEAST_CONTEXT = 512;
const CONTEXT_STEP = 256;

export const COMPUTATIONS = [
  'number',
  'free_over_total',
  'raised_utilization',
  'half_of',
  'nearest_divisor',
  'retagged',
  'without_argument',
] as const;
export type ComputationName = (typeof COMPUTATIONS)[number];

/** A number as engines write it, with thousands commas. */
export function readNumber(text: unknown): number | null {
  if (typeof text === 'number') return Number.isFinite(text) ? text : null;
  if (typeof text !== 'string' || text.trim() === '') return null;
  const value = Number(text.replaceAll(/[,_\s]/g, ''));
  return Number.isFinite(value) ? value : null;
}

const FUNCTIONS: Readonly<Record<ComputationName, Computation>> = {
  number: (text) => readNumber(text),

  /** The share of a GPU's memory that is free, rounded down: (20.1, 23.6) -> 0.83. */
  free_over_total: (free, total) => {
    const [a, b] = [readNumber(free), readNumber(total)];
    if (a === null || b === null || b <= 0) return null;
    const share = hundredths(a / b - FREE_MARGIN);
    return share < LEAST_UTILIZATION ? null : Math.min(share, MOST_UTILIZATION);
  },

  raised_utilization: (current) => {
    const share = readNumber(current);
    if (share === null || share >= MOST_UTILIZATION) return null;
    return Math.min(MOST_UTILIZATION, hundredths(share + UTILIZATION_STEP + 1e-9));
  },

  /** Half of a count of tokens, in steps an engine pads to anyway. */
  half_of: (count) => {
    const value = readNumber(count);
    if (value === null) return null;
    const half = Math.floor(value / 2 / CONTEXT_STEP) * CONTEXT_STEP;
    return half < LEAST_CONTEXT ? null : half;
  },

  /**
   * The largest power of two up to `size` that divides `heads`. Other divisors would pass this check of the engine and
   * fail the next one: widths and KV heads are powers of two times something.
   */
  nearest_divisor: (heads, size) => {
    const [count, wanted] = [readNumber(heads), readNumber(size)];
    if (count === null || wanted === null || count < 1) return null;
    let divisor = 1;
    while (divisor * 2 <= wanted && count % (divisor * 2) === 0) divisor *= 2;
    return divisor;
  },

  /** An image reference with another tag: (`llama.cpp:server-cuda-b1`, `server-cuda`, `server-cuda13`). */
  retagged: (reference, from, to) => {
    if (typeof reference !== 'string' || typeof from !== 'string' || typeof to !== 'string') return null;
    const match = /^(.+):([^:/@]+)$/.exec(reference);
    const tag = match?.[2];
    if (match?.[1] === undefined || tag === undefined) return null;
    if (tag !== from && !tag.startsWith(`${from}-`)) return null;
    return `${match[1]}:${to}${tag.slice(from.length)}`;
  },

  /** Extra arguments without one of them and its value. */
  without_argument: (args, unwanted) => {
    if (!Array.isArray(args) || typeof unwanted !== 'string') return null;
    const name = unwanted.split('=')[0] ?? unwanted;
    const at = args.findIndex((arg) => arg === name || String(arg).startsWith(`${name}=`));
    if (at === -1) return null;
    const hasValue = args[at] === name && at + 1 < args.length && !String(args[at + 1]).startsWith('-');
    return args.toSpliced(at, hasValue ? 2 : 1);
  },
};

/** @returns null when the facts do not give a value. Pure. */
export function compute(name: ComputationName, from: readonly Argument[]): unknown {
  return FUNCTIONS[name](...from);
}

function hundredths(value: number): number {
  return Math.floor(value * 100) / 100;
}
