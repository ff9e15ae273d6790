import type { Benchmark, BenchmarkRound, Capability } from '../../shared/contract/index.ts';
import { visibilityCondition, type Viewer } from '../access/index.ts';
import { inferredOf } from '../catalog/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { Database, SqlValue } from '../kernel/database/database.ts';

export interface NewBenchmark {
  readonly id: string;
  readonly model_id: string;
  readonly version_id: number;
  readonly slot_id: string;
  readonly capability: Capability;
  readonly runtime_spec: string;
  readonly runtime_identity: string | null;
  readonly image_id: string | null;
  readonly engine_version: string | null;
  readonly device: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly workload: Benchmark['workload'];
  readonly rounds: readonly BenchmarkRound[];
  readonly memory_bytes: number | null;
  readonly load_ms: number | null;
  readonly other_requests: number;
  readonly note: string | null;
  readonly created_by: string | null;
}

interface BenchmarkRow {
  readonly seq: number;
  readonly id: string;
  readonly model_id: string;
  readonly model_name: string;
  readonly model_seq: number;
  readonly content_id: string;
  readonly inferred: string;
  readonly slot_id: string;
  readonly capability: Capability;
  readonly runtime_spec: string;
  readonly runtime_identity: string | null;
  readonly image_id: string | null;
  readonly engine_version: string | null;
  readonly device: string;
  readonly config: string;
  readonly workload: string;
  readonly rounds: string;
  readonly memory_bytes: number | null;
  readonly load_ms: number | null;
  readonly other_requests: number;
  readonly note: string | null;
  readonly created_by: string | null;
  readonly created_at: number;
}

const SELECT = `SELECT benchmarks.*, models.name AS model_name, models.seq AS model_seq, versions.content_id, versions.inferred
  FROM benchmarks JOIN models ON models.id = benchmarks.model_id JOIN versions ON versions.id = benchmarks.version_id`;

export interface BenchmarkFilter {
  readonly modelIds?: readonly string[] | undefined;
  readonly name?: string | undefined;
  readonly slotId?: string | undefined;
}

interface NumberedBenchmark {
  readonly seq: number;
  readonly benchmark: Benchmark;
}

/** Performance evaluations; append-only. They stay when the slot or the model goes: they say what was measured. */
export class BenchmarkStore {
  readonly #database: Database;
  readonly #clock: Clock;

  constructor(database: Database, clock: Clock) {
    this.#database = database;
    this.#clock = clock;
  }

  add(benchmark: NewBenchmark): void {
    const { config, workload, rounds } = benchmark;
    this.#database
      .prepare(
        `INSERT INTO benchmarks (id, model_id, version_id, slot_id, capability, runtime_spec, runtime_identity, image_id,
           engine_version, device, config, workload, rounds, memory_bytes, load_ms, other_requests, note, created_by, created_at)
         VALUES (:id, :model_id, :version_id, :slot_id, :capability, :runtime_spec, :runtime_identity, :image_id,
           :engine_version, :device, :config, :workload, :rounds, :memory_bytes, :load_ms, :other_requests, :note, :created_by, :created_at)`,
      )
      .run({
        ...benchmark,
        config: JSON.stringify(config),
        workload: JSON.stringify(workload),
        rounds: JSON.stringify(rounds),
        created_at: this.#clock.now(),
      });
  }

  /** Null also for one of a model that the viewer does not see. */
  find(id: string, viewer: Viewer): Benchmark | null {
    const [found] = this.#rows(viewer, [['benchmarks.id = ?', id]], 1);
    return found?.benchmark ?? null;
  }

  /** Newest first. @param beforeSeq of the last one of the page before */
  list(
    { modelIds, name, slotId }: BenchmarkFilter,
    viewer: Viewer,
    beforeSeq: number | null,
    limit: number,
  ): NumberedBenchmark[] {
    const ids = modelIds === undefined ? undefined : JSON.stringify(modelIds);
    return this.#rows(
      viewer,
      [
        ['benchmarks.seq < ?', beforeSeq ?? undefined],
        ['benchmarks.slot_id = ?', slotId],
        ['models.name = ?', name],
        ['benchmarks.model_id IN (SELECT value FROM json_each(?))', ids],
      ],
      limit,
    );
  }

  /** Rows that meet every condition that has a value. */
  #rows(
    viewer: Viewer,
    conditions: readonly (readonly [string, SqlValue | undefined])[],
    limit: number,
  ): NumberedBenchmark[] {
    const visible = visibilityCondition(viewer);
    const given = conditions.flatMap(([sql, value]) => (value === undefined ? [] : [{ sql, value }]));
    const where = [visible.sql, ...given.map(({ sql }) => sql)].join(' AND ');
    return this.#database
      .query<BenchmarkRow>(`${SELECT} WHERE ${where} ORDER BY benchmarks.seq DESC LIMIT ?`, [
        ...visible.params,
        ...given.map(({ value }) => value),
        limit,
      ])
      .map((row) => ({ seq: row.seq, benchmark: toBenchmark(row) }));
  }
}

function toBenchmark(row: BenchmarkRow): Benchmark {
  return {
    id: row.id,
    model_id: row.model_id,
    model_name: row.model_name,
    seq: row.model_seq,
    global_model_id: row.content_id,
    quantization: inferredOf(row).quantization ?? null,
    capability: row.capability,
    slot_id: row.slot_id,
    runtime_spec: row.runtime_spec,
    runtime_identity: row.runtime_identity,
    image_id: row.image_id,
    engine_version: row.engine_version,
    device: row.device,
    config: JSON.parse(row.config) as Benchmark['config'],
    workload: JSON.parse(row.workload) as Benchmark['workload'],
    rounds: JSON.parse(row.rounds) as BenchmarkRound[],
    memory_bytes: row.memory_bytes,
    load_ms: row.load_ms,
    other_requests: row.other_requests,
    note: row.note,
    created_by: row.created_by,
    created_at: toIso(row.created_at),
  };
}
