import type { Timers } from '../../kernel/clock.ts';
import { DriverFailure, garbageProblem, problemOf, type DriverProblem } from './driver-state.ts';
import {
  askAll,
  LIVE_FIELDS,
  PROCESS_FIELDS,
  STATIC_FIELDS,
  unknownField,
  withoutField,
  type AskedField,
  type LiveField,
  type ProcessField,
  type StaticField,
} from './fields.ts';
import { LiveQuery } from './live-query.ts';
import { cardsInList, fullReportOf, migDevicesOf, type FullReport, type MigDevice } from './mig.ts';
import { callProgram, type CallAnswer } from './program-call.ts';
import {
  cardOf,
  liveReadingOf,
  processOf,
  type Card,
  type GpuProcess,
  type LiveReading,
} from './readings.ts';
import type { Tick } from './tick-reader.ts';
import { rowOf, type Row } from './values.ts';

export interface NvidiaSmiTiming {
  /** How long one call may take; a driver without persistence mode needs seconds for eight cards. */
  readonly callMs: number;
  /** How long a looping call may take to its first line. */
  readonly firstLineMs: number;
}

export const NVIDIA_SMI_TIMING: NvidiaSmiTiming = { callMs: 20_000, firstLineMs: 20_000 };

/** An answer and what it cost of a processor, in milliseconds. */
export interface Costed<T> {
  readonly value: T;
  readonly costMs: number;
}

/**
 * nvidia-smi as a program. Every failure of it is a `DriverFailure` with what cures it. Which fields the driver knows
 * is found out once for each query and kept.
 */
export class NvidiaSmi {
  readonly path: string;
  readonly #timing: NvidiaSmiTiming;
  #staticFields: readonly AskedField<StaticField>[] = askAll(STATIC_FIELDS);
  #liveFields: readonly AskedField<LiveField>[] = askAll(LIVE_FIELDS);
  #processFields: readonly AskedField<ProcessField>[] = askAll(PROCESS_FIELDS);

  constructor(path: string, timing: NvidiaSmiTiming = NVIDIA_SMI_TIMING) {
    this.path = path;
    this.#timing = timing;
  }

  /** The cards and what does not change about them. @throws {DriverFailure} also when there is none. */
  async cards(signal: AbortSignal, ids: readonly string[] = []): Promise<Card[]> {
    const rows = await this.#query('gpu', this.#staticFields, ids, 'name', signal);
    this.#staticFields = rows.asked;
    return this.#parsed(rows, cardOf);
  }

  /** What the cards do now. @throws {DriverFailure} */
  async read(signal: AbortSignal, ids: readonly string[] = []): Promise<LiveReading[]> {
    const rows = await this.#query('gpu', this.#liveFields, ids, undefined, signal);
    this.#liveFields = rows.asked;
    return this.#parsed(rows, liveReadingOf);
  }

  /** Programs that compute on whole cards. @throws {DriverFailure} */
  async processes(signal: AbortSignal): Promise<Costed<GpuProcess[]>> {
    const { asked, rows, costMs } = await this.#query(
      'compute-apps',
      this.#processFields,
      [],
      'process_name',
      signal,
    );
    this.#processFields = asked;
    return { value: rows.flatMap((row) => processOf(row) ?? []), costMs };
  }

  /** UUIDs of the cards that still answer, also when one is lost. @throws {DriverFailure} `hung` */
  async answering(signal: AbortSignal): Promise<string[]> {
    return cardsInList((await this.#run(['-L'], signal)).text);
  }

  async migDevices(signal: AbortSignal): Promise<MigDevice[]> {
    return migDevicesOf((await this.#call(['-L'], signal)).stdout);
  }

  /** Dear: a second and more on many cards. @throws {DriverFailure} */
  async fullReport(devices: readonly MigDevice[], signal: AbortSignal): Promise<Costed<FullReport>> {
    const { stdout, costMs } = await this.#call(['-q', '-x'], signal);
    return { value: fullReportOf(stdout, devices), costMs };
  }

  /** Looks again and again. Needs a `read()` before, which finds out what may be asked. */
  follow(options: {
    intervalMs: number;
    ids: readonly string[];
    expected: number;
    timers: Timers;
    onTick: (tick: Tick) => void;
    onEnd: (problem: DriverProblem) => void;
  }): LiveQuery {
    return new LiveQuery({
      ...options,
      path: this.path,
      asked: this.#liveFields,
      firstLineMs: this.#timing.firstLineMs,
    });
  }

  /** Asks without the fields that this driver does not know, however many these are. */
  async #query<Field extends string>(
    subject: 'gpu' | 'compute-apps',
    fields: readonly AskedField<Field>[],
    ids: readonly string[],
    wide: Field | undefined,
    signal: AbortSignal,
  ): Promise<{ asked: readonly AskedField<Field>[]; rows: Row<Field>[]; text: string; costMs: number }> {
    let asked = fields;
    for (;;) {
      const answer = await this.#run(
        [
          `--query-${subject}=${asked.map(({ name }) => name).join(',')}`,
          '--format=csv,noheader,nounits',
          ...(ids.length === 0 ? [] : [`--id=${ids.join(',')}`]),
        ],
        signal,
      );
      const unknown = unknownField(answer.text);
      if (unknown === null) {
        const names = asked.map(({ field }) => field);
        const rows = answer.stdout.split('\n').flatMap((line) => rowOf(line, names, wide) ?? []);
        if (answer.code !== 0) {
          // A warning (a damaged infoROM, a loose cable) ends with a code of its own, and has answered all the same.
          const problem = problemOf(answer);
          const hasAnswered = rows.some((row) =>
            (row['uuid' as Field] ?? row['gpu_uuid' as Field] ?? '').startsWith('GPU-'),
          );
          if (problem.state !== 'failed' || !hasAnswered) throw new DriverFailure(problem);
        }
        return { asked, rows, text: answer.text, costMs: answer.costMs };
      }
      const fewer = withoutField(asked, unknown);
      if (fewer === null) throw new DriverFailure(problemOf(answer));
      asked = fewer;
    }
  }

  /** No card at all is an answer of its own; text that names none is not. */
  #parsed<Field extends string, T>(
    { rows, text }: { rows: readonly Row<Field>[]; text: string },
    parse: (row: Row<Field>) => T | null,
  ): T[] {
    const found = rows.flatMap((row) => parse(row) ?? []);
    if (found.length > 0) return found;
    const isEmpty = text.trim() === '';
    const known = problemOf({ code: isEmpty ? 6 : 0, text });
    throw new DriverFailure(isEmpty || known.state !== 'failed' ? known : garbageProblem(text));
  }

  async #call(args: readonly string[], signal: AbortSignal): Promise<CallAnswer> {
    const answer = await this.#run(args, signal);
    if (answer.code !== 0) throw new DriverFailure(problemOf(answer));
    return answer;
  }

  async #run(args: readonly string[], signal: AbortSignal): Promise<CallAnswer> {
    try {
      return await callProgram(this.path, args, this.#timing.callMs, signal);
    } catch (error) {
      if (error instanceof DriverFailure || signal.aborted) throw error;
      throw new DriverFailure(
        problemOf({ code: null, text: `it cannot be started (${(error as Error).message})` }),
      );
    }
  }
}
