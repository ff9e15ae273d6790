import { setImmediate as nextTurn } from 'node:timers/promises';

/**
 * Reads Python pickles without running them. A pickle is a program; what it can reach shows in the names it looks up
 * (GLOBAL, INST, STACK_GLOBAL). Opcodes and their arguments: CPython's `pickletools`.
 */
export interface PickleScan {
  /** `module.name` of everything the pickle looks up; `?` where a name is computed and cannot be read off. */
  readonly globals: readonly string[];
  /** It ended with STOP, as a whole pickle does. */
  readonly complete: boolean;
}

type Argument =
  | number
  | 'line'
  | 'two_lines'
  | 'bytes1'
  | 'bytes4'
  | 'bytes8'
  | 'text1'
  | 'text4'
  | 'text8'
  | 'text_line';

const op = (character: string): number => character.charCodeAt(0);

const STOP = op('.');
const PROTO = 0x80;
const GLOBAL = op('c');
const INST = op('i');
const STACK_GLOBAL = 0x93;
const MEMOIZE = 0x94;
const PUT = op('p');
const BINPUT = op('q');
const LONG_BINPUT = op('r');
const GET = op('g');
const BINGET = op('h');
const LONG_BINGET = op('j');
const DUP = op('2');
/** They leave the stack as it is, so what was pushed before is still on top. */
const NEUTRAL: ReadonlySet<number> = new Set([PROTO, 0x95, MEMOIZE, PUT, BINPUT, LONG_BINPUT]);

/** Bytes or shape of the argument behind each opcode; an opcode that is not here does not exist. */
const ARGUMENTS: ReadonlyMap<number, Argument> = new Map<number, Argument>([
  ...'(.012NQRbaldet)us}]o'.split('').map((character): [number, Argument] => [op(character), 0]),
  ...[0x81, 0x85, 0x86, 0x87, 0x88, 0x89, 0x8f, 0x90, 0x91, 0x92, 0x93, 0x94, 0x97, 0x98].map(
    (code): [number, Argument] => [code, 0],
  ),
  [op('F'), 'line'],
  [op('I'), 'line'],
  [op('L'), 'line'],
  [op('P'), 'line'],
  [op('S'), 'text_line'],
  [op('V'), 'text_line'],
  [op('g'), 'line'],
  [op('p'), 'line'],
  [op('c'), 'two_lines'],
  [op('i'), 'two_lines'],
  [op('J'), 4],
  [op('K'), 1],
  [op('M'), 2],
  [op('G'), 8],
  [op('h'), 1],
  [op('j'), 4],
  [op('q'), 1],
  [op('r'), 4],
  [op('T'), 'text4'],
  [op('U'), 'text1'],
  [op('X'), 'text4'],
  [op('B'), 'bytes4'],
  [op('C'), 'bytes1'],
  [0x80, 1],
  [0x82, 1],
  [0x83, 2],
  [0x84, 4],
  [0x8a, 'bytes1'],
  [0x8b, 'bytes4'],
  [0x8c, 'text1'],
  [0x8d, 'text8'],
  [0x8e, 'bytes8'],
  [0x95, 8],
  [0x96, 'bytes8'],
]);

const MAX_GLOBALS = 1000;
/** After so many opcodes others get their turn: a pickle of megabytes must not hold up the agent. */
const OPCODES_A_TURN = 100_000;

/** Whether bytes start like a pickle of protocol 2 or later. Older ones carry no mark. Pure. */
export function startsLikePickle(head: Buffer): boolean {
  return head.length > 2 && head[0] === PROTO && head[1]! >= 2 && head[1]! <= 5;
}

/**
 * What a pickle, or several one behind the other (older PyTorch files), would look up. Reads until the bytes are no
 * pickle any more. Time in proportion to the bytes.
 */
export async function scanPickle(bytes: Buffer, signal: AbortSignal): Promise<PickleScan> {
  const globals = new Set<string>();
  let complete = false;
  let at = 0;
  for (;;) {
    const end = await new PickleWalk(bytes, at, globals).run(signal);
    if (end === null) return { globals: [...globals], complete };
    complete = true;
    at = end;
    if (!startsLikePickle(bytes.subarray(at, at + 3))) return { globals: [...globals], complete };
  }
}

class PickleWalk {
  readonly #bytes: Buffer;
  readonly #globals: Set<string>;
  #at: number;
  /** Texts that were pushed last, newest at the end; null for anything that is no text. */
  #recent: (string | null)[] = [];
  readonly #memo = new Map<number, string | null>();

  constructor(bytes: Buffer, at: number, globals: Set<string>) {
    this.#bytes = bytes;
    this.#at = at;
    this.#globals = globals;
  }

  /** @returns where the pickle ends, or null when the bytes stop being one. */
  async run(signal: AbortSignal): Promise<number | null> {
    for (let count = 1; this.#at < this.#bytes.length; count += 1) {
      if (count % OPCODES_A_TURN === 0) {
        await nextTurn();
        signal.throwIfAborted();
      }
      const code = this.#bytes[this.#at]!;
      const shape = ARGUMENTS.get(code);
      if (shape === undefined) return null;
      this.#at += 1;
      if (code === STOP) return this.#at;
      const argument = this.#argument(shape);
      if (argument === undefined) return null;
      this.#apply(code, shape, argument);
      if (this.#globals.size > MAX_GLOBALS) return null;
    }
    return null;
  }

  #apply(code: number, shape: Argument, argument: Buffer): void {
    if (code === GLOBAL || code === INST) {
      this.#globals.add(argument.toString('utf8').replace('\n', '.').slice(0, 300));
      this.#push(null);
    } else if (code === STACK_GLOBAL) {
      const [module, name] = this.#recent.slice(-2);
      this.#globals.add(module == null || name == null ? '?' : `${module}.${name}`.slice(0, 300));
      this.#push(null);
    } else if (code === MEMOIZE) this.#memo.set(this.#memo.size, this.#top());
    else if (code === PUT || code === BINPUT || code === LONG_BINPUT)
      this.#memo.set(indexOf(code, argument), this.#top());
    else if (code === GET || code === BINGET || code === LONG_BINGET)
      this.#push(this.#memo.get(indexOf(code, argument)) ?? null);
    else if (code === DUP) this.#push(this.#top());
    else if (!NEUTRAL.has(code)) this.#push(textOf(shape, argument));
  }

  #top(): string | null {
    return this.#recent.at(-1) ?? null;
  }

  #push(text: string | null): void {
    this.#recent.push(text);
    if (this.#recent.length > 64) this.#recent = this.#recent.slice(-8);
  }

  /** The argument, or undefined when the bytes end before it does. */
  #argument(shape: Argument): Buffer | undefined {
    if (typeof shape === 'number') return this.#take(shape);
    if (shape === 'line' || shape === 'text_line') return this.#line();
    if (shape === 'two_lines') {
      const from = this.#at;
      if (this.#line() === undefined || this.#line() === undefined) return undefined;
      return this.#bytes.subarray(from, this.#at - 1);
    }
    const width = shape.endsWith('1') ? 1 : shape.endsWith('4') ? 4 : 8;
    const length = this.#take(width);
    if (length === undefined) return undefined;
    const bytes = width === 8 ? Number(length.readBigUInt64LE(0)) : length.readUIntLE(0, width);
    return this.#take(bytes);
  }

  #take(length: number): Buffer | undefined {
    if (this.#at + length > this.#bytes.length) return undefined;
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  #line(): Buffer | undefined {
    const end = this.#bytes.indexOf(0x0a, this.#at);
    if (end === -1) return undefined;
    const line = this.#bytes.subarray(this.#at, end);
    this.#at = end + 1;
    return line;
  }
}

function indexOf(code: number, argument: Buffer): number {
  return code === PUT || code === GET
    ? Number(argument.toString('latin1'))
    : argument.readUIntLE(0, argument.length);
}

/** Module and attribute names are short; longer texts are data. */
function textOf(shape: Argument, argument: Buffer): string | null {
  if (typeof shape === 'number' || !shape.startsWith('text') || argument.length > 512) return null;
  const text = argument.toString('utf8');
  return shape === 'text_line' ? text.replace(/^['"]|['"]$/g, '') : text;
}
