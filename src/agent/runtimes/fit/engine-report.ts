/** What an engine said of its memory while it started. Bytes over all its devices; null: it did not say. */
export interface MeasuredMemory {
  readonly weights: number | null;
  readonly kv_cache: number | null;
  readonly compute: number | null;
  /** Besides: what an engine counts as neither. */
  readonly overhead: number | null;
}

const MIB = 1024 ** 2;
const GIB = 1024 ** 3;

/**
 * Reads the lines in which engines report memory.
 *
 * llama-server with `-lv 4`: `CPU_Mapped model buffer size = N MiB` for each buffer, likewise `KV buffer`, `RS buffer`
 * (recurrent state), `output buffer` and `compute buffer`; a dry run to fit memory comes before and prints none of them.
 *
 * vLLM: `Model loading took X GiB`, `model weights take XGiB; non_torch_memory takes ...; PyTorch activation peak memory
 * takes ...`, `Available KV cache memory: X GiB`, `Graph capturing finished in N secs, took X GiB`. With several ranks
 * each tells its own; the sum is that of all.
 */
export class EngineReport {
  readonly #llama = new Sums();
  readonly #vllm = new Sums();

  line(text: string): void {
    const [, kind = '', mib = ''] = LLAMA.exec(text) ?? [];
    if (kind !== '') {
      const part = kind === 'model' ? 'weights' : kind === 'KV' || kind === 'RS' ? 'kv_cache' : 'compute';
      this.#llama.add(part, Number(mib) * MIB);
      return;
    }
    for (const { part, pattern } of VLLM) {
      const gib = pattern.exec(text)?.[1];
      if (gib !== undefined) this.#vllm.add(part, Number(gib) * GIB);
    }
  }

  /** null as long as it said nothing. */
  measured(): MeasuredMemory | null {
    return this.#llama.measured() ?? this.#vllm.measured();
  }
}

const LLAMA = /\b(model|KV|RS|output|compute) buffer size *= *(\d+(?:\.\d+)?) MiB/;
const VLLM: readonly { part: keyof MeasuredMemory; pattern: RegExp }[] = [
  { part: 'weights', pattern: /Model loading took (\d+(?:\.\d+)?) Gi?B/ },
  { part: 'weights', pattern: /Loading model weights took (\d+(?:\.\d+)?) Gi?B/ },
  { part: 'kv_cache', pattern: /Available KV cache memory: (\d+(?:\.\d+)?) GiB/ },
  { part: 'kv_cache', pattern: /the rest of the memory reserved for KV Cache is (\d+(?:\.\d+)?)GiB/ },
  { part: 'compute', pattern: /PyTorch activation peak memory takes (\d+(?:\.\d+)?)GiB/ },
  { part: 'overhead', pattern: /non_torch_memory takes (\d+(?:\.\d+)?)GiB/ },
  { part: 'overhead', pattern: /Graph capturing finished in .*took (\d+(?:\.\d+)?) GiB/ },
];

class Sums {
  readonly #bytes = new Map<keyof MeasuredMemory, number>();

  add(part: keyof MeasuredMemory, bytes: number): void {
    this.#bytes.set(part, (this.#bytes.get(part) ?? 0) + Math.round(bytes));
  }

  measured(): MeasuredMemory | null {
    if (!this.#bytes.has('weights')) return null;
    const of = (part: keyof MeasuredMemory): number | null => this.#bytes.get(part) ?? null;
    return {
      weights: of('weights'),
      kv_cache: of('kv_cache'),
      compute: of('compute'),
      overhead: of('overhead'),
    };
  }
}
