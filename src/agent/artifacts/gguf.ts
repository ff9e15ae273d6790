import { AppError } from '../../shared/contract/index.ts';
import { Cursor, EndOfFileError, type ByteSource } from './byte-source.ts';

/**
 * Reads the header of a GGUF file: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Bounded: no length field
 * makes it allocate more than the limits below, and long arrays (vocabularies) are walked over, not kept.
 */
export interface GgufHeader {
  readonly version: number;
  readonly architecture: string;
  /** Scalars, strings and short arrays of numbers; anything longer only as its length. */
  readonly metadata: ReadonlyMap<string, GgufValue>;
  readonly tensorCount: number;
  /** Where tensor data starts. */
  readonly dataOffset: number;
  /** Where the last tensor ends; the file must reach this far. */
  readonly endOffset: number;
  readonly parameterCount: number;
  readonly tensors: GgufTensors;
}

/** Bytes of the tensors by what they are for. A type that is not known counts as nothing and is told. */
export interface GgufTensors {
  readonly tokenEmbedding: number;
  readonly output: number;
  readonly layers: readonly GgufLayer[];
  readonly other: number;
  readonly unknownTypes: readonly number[];
}

export interface GgufLayer {
  readonly bytes: number;
  /** It holds keys, so something is kept for each token. */
  readonly attention: boolean;
  /** It holds a state space, a short convolution or time mixing. */
  readonly recurrent: boolean;
}

export interface ArraySummary {
  readonly arrayOf: number;
  readonly length: number;
}
export type GgufValue = string | number | boolean | readonly number[] | ArraySummary;

const MAX_KEYS = 65_536;
const MAX_TENSORS = 262_144;
const MAX_NAME_BYTES = 65_536;
const MAX_STRING_BYTES = 16 * 1024 * 1024;
const MAX_HEADER_BYTES = 512 * 1024 * 1024;
const KEPT_ARRAY = 4096;
const MAX_DIMENSIONS = 8;
/** More layers than this are counted with the rest. */
const MAX_LAYERS = 4096;
const KNOWN_VERSIONS: ReadonlySet<number> = new Set([2, 3]);

const U8 = 0,
  I8 = 1,
  U16 = 2,
  I16 = 3,
  U32 = 4,
  I32 = 5,
  F32 = 6,
  BOOL = 7,
  STRING = 8,
  ARRAY = 9,
  U64 = 10,
  I64 = 11,
  F64 = 12;
const SCALAR_BYTES: Partial<Record<number, number>> = {
  [U8]: 1,
  [I8]: 1,
  [BOOL]: 1,
  [U16]: 2,
  [I16]: 2,
  [U32]: 4,
  [I32]: 4,
  [F32]: 4,
  [U64]: 8,
  [I64]: 8,
  [F64]: 8,
};

/** Elements and bytes of one block, by ggml type (ggml.c, `type_traits`). */
const GGML_BLOCKS: Readonly<
  Record<number, { readonly name: string; readonly elements: number; readonly bytes: number }>
> = {
  0: { name: 'F32', elements: 1, bytes: 4 },
  1: { name: 'F16', elements: 1, bytes: 2 },
  2: { name: 'Q4_0', elements: 32, bytes: 18 },
  3: { name: 'Q4_1', elements: 32, bytes: 20 },
  6: { name: 'Q5_0', elements: 32, bytes: 22 },
  7: { name: 'Q5_1', elements: 32, bytes: 24 },
  8: { name: 'Q8_0', elements: 32, bytes: 34 },
  9: { name: 'Q8_1', elements: 32, bytes: 36 },
  10: { name: 'Q2_K', elements: 256, bytes: 84 },
  11: { name: 'Q3_K', elements: 256, bytes: 110 },
  12: { name: 'Q4_K', elements: 256, bytes: 144 },
  13: { name: 'Q5_K', elements: 256, bytes: 176 },
  14: { name: 'Q6_K', elements: 256, bytes: 210 },
  15: { name: 'Q8_K', elements: 256, bytes: 292 },
  16: { name: 'IQ2_XXS', elements: 256, bytes: 66 },
  17: { name: 'IQ2_XS', elements: 256, bytes: 74 },
  18: { name: 'IQ3_XXS', elements: 256, bytes: 98 },
  19: { name: 'IQ1_S', elements: 256, bytes: 50 },
  20: { name: 'IQ4_NL', elements: 32, bytes: 18 },
  21: { name: 'IQ3_S', elements: 256, bytes: 110 },
  22: { name: 'IQ2_S', elements: 256, bytes: 82 },
  23: { name: 'IQ4_XS', elements: 256, bytes: 136 },
  24: { name: 'I8', elements: 1, bytes: 1 },
  25: { name: 'I16', elements: 1, bytes: 2 },
  26: { name: 'I32', elements: 1, bytes: 4 },
  27: { name: 'I64', elements: 1, bytes: 8 },
  28: { name: 'F64', elements: 1, bytes: 8 },
  29: { name: 'IQ1_M', elements: 256, bytes: 56 },
  30: { name: 'BF16', elements: 1, bytes: 2 },
  34: { name: 'TQ1_0', elements: 256, bytes: 54 },
  35: { name: 'TQ2_0', elements: 256, bytes: 66 },
  39: { name: 'MXFP4', elements: 32, bytes: 17 },
};

/** `general.file_type` in words (llama.h, `llama_ftype`). */
const FILE_TYPES: Readonly<Record<number, string>> = {
  0: 'F32',
  1: 'F16',
  2: 'Q4_0',
  3: 'Q4_1',
  7: 'Q8_0',
  8: 'Q5_0',
  9: 'Q5_1',
  10: 'Q2_K',
  11: 'Q3_K_S',
  12: 'Q3_K_M',
  13: 'Q3_K_L',
  14: 'Q4_K_S',
  15: 'Q4_K_M',
  16: 'Q5_K_S',
  17: 'Q5_K_M',
  18: 'Q6_K',
  19: 'IQ2_XXS',
  20: 'IQ2_XS',
  21: 'Q2_K_S',
  22: 'IQ3_XS',
  23: 'IQ3_XXS',
  24: 'IQ1_S',
  25: 'IQ4_NL',
  26: 'IQ3_S',
  27: 'IQ3_M',
  28: 'IQ2_S',
  29: 'IQ2_M',
  30: 'IQ4_XS',
  31: 'IQ1_M',
  32: 'BF16',
  36: 'TQ1_0',
  37: 'TQ2_0',
  38: 'MXFP4',
};

interface Tensor {
  readonly name: string;
  readonly type: number;
  readonly elements: number;
  readonly offset: number;
}

/**
 * @throws {AppError} `unsupported_format` with the reason: not a GGUF, a version we do not know, damaged, or shorter
 * than its tensors.
 */
export async function readGgufHeader(source: ByteSource, signal: AbortSignal): Promise<GgufHeader> {
  try {
    return await read(source, signal);
  } catch (error) {
    if (error instanceof EndOfFileError) {
      throw new AppError(
        'unsupported_format',
        `The file ends in the middle of its header, at ${error.size} bytes.`,
        {
          hint: 'It was cut off. Get it again and compare its size.',
          details: { reason: 'truncated' },
          cause: error,
        },
      );
    }
    if (error instanceof RangeError) throw damaged(error.message, error);
    throw error;
  }
}

async function read(source: ByteSource, signal: AbortSignal): Promise<GgufHeader> {
  const cursor = new Cursor(source, signal);
  const magic = await cursor.take(4);
  if (magic.toString('latin1') !== 'GGUF') throw damaged('it does not start with GGUF');
  const version = await cursor.u32();
  if (!KNOWN_VERSIONS.has(version)) {
    // Byte-swapped small numbers are files for big-endian machines.
    const swapped = version > 0xffff;
    throw new AppError(
      'unsupported_format',
      swapped
        ? 'This GGUF file is for big-endian machines.'
        : `This GGUF file has version ${version}; versions 2 and 3 are known.`,
      {
        hint: swapped ? 'Get the little-endian file.' : 'Use a newer ModelOps Node, or a file of version 3.',
        details: { reason: 'version', version },
      },
    );
  }
  const tensorCount = await cursor.u64();
  const keyCount = await cursor.u64();
  if (tensorCount > MAX_TENSORS) throw damaged(`it claims ${tensorCount} tensors`);
  if (keyCount > MAX_KEYS) throw damaged(`it claims ${keyCount} metadata keys`);

  const metadata = new Map<string, GgufValue>();
  for (let i = 0; i < keyCount; i += 1) {
    const key = await readString(cursor, MAX_NAME_BYTES);
    metadata.set(key, await readValue(cursor, await cursor.u32(), 0));
    if (cursor.position > MAX_HEADER_BYTES) throw damaged('its header is larger than 512 MiB');
  }
  const sums = new TensorSums();
  for (let i = 0; i < tensorCount; i += 1) sums.add(await readTensor(cursor));

  const alignment = metadata.get('general.alignment');
  const step = typeof alignment === 'number' && alignment > 0 ? alignment : 32;
  const dataOffset = Math.ceil(cursor.position / step) * step;
  const { parameterCount } = sums;
  const endOffset = dataOffset + sums.end;
  if (!Number.isSafeInteger(endOffset) || !Number.isSafeInteger(parameterCount))
    throw damaged('its tensors are impossibly large');
  if (endOffset > source.size) {
    throw new AppError(
      'unsupported_format',
      `The file ends at ${source.size} of ${endOffset} bytes. Nothing was imported.`,
      {
        hint: 'It was cut off. Get it again.',
        details: { reason: 'truncated', size_bytes: source.size, expected_bytes: endOffset },
      },
    );
  }
  const architecture = metadata.get('general.architecture');
  if (typeof architecture !== 'string') throw damaged('it does not say its architecture');
  return {
    version,
    architecture,
    metadata,
    tensorCount,
    dataOffset,
    endOffset,
    parameterCount,
    tensors: sums.groups(),
  };
}

/** Adds tensors up as they are read: a file may list 262,144 of them, and none is kept. */
class TensorSums {
  parameterCount = 0;
  /** Where the last one ends, from the start of the data. */
  end = 0;
  readonly #layers: { bytes: number; attention: boolean; recurrent: boolean }[] = [];
  readonly #unknown = new Set<number>();
  #tokenEmbedding = 0;
  #output = 0;
  #other = 0;

  add({ name, type, elements, offset }: Tensor): void {
    this.parameterCount += elements;
    const block = GGML_BLOCKS[type];
    if (block === undefined) this.#unknown.add(type);
    // A type from a newer engine: its start at least must lie in the file.
    const bytes = block === undefined ? 0 : Math.ceil(elements / block.elements) * block.bytes;
    this.end = Math.max(this.end, offset + bytes);
    const [, number, part = ''] = /^blk\.(\d{1,4})\.(.*)$/.exec(name) ?? [];
    if (number !== undefined && Number(number) < MAX_LAYERS) this.#addToLayer(Number(number), part, bytes);
    else if (name === 'token_embd.weight') this.#tokenEmbedding += bytes;
    else if (name === 'output.weight') this.#output += bytes;
    else this.#other += bytes;
  }

  groups(): GgufTensors {
    return {
      tokenEmbedding: this.#tokenEmbedding,
      output: this.#output,
      layers: this.#layers,
      other: this.#other,
      unknownTypes: [...this.#unknown],
    };
  }

  #addToLayer(index: number, part: string, bytes: number): void {
    while (this.#layers.length <= index) this.#layers.push({ bytes: 0, attention: false, recurrent: false });
    const layer = this.#layers[index];
    if (layer === undefined) return;
    layer.bytes += bytes;
    layer.attention ||= /^attn_(k|qkv|kv_a_mqa|kv_a_norm)\b/.test(part);
    layer.recurrent ||= /^(ssm_|shortconv|time_mix)/.test(part);
  }
}

async function readTensor(cursor: Cursor): Promise<Tensor> {
  const name = await readString(cursor, MAX_NAME_BYTES);
  const dimensions = await cursor.u32();
  if (dimensions > MAX_DIMENSIONS) throw damaged(`a tensor has ${dimensions} dimensions`);
  let elements = 1;
  for (let i = 0; i < dimensions; i += 1) elements *= await cursor.u64();
  const type = await cursor.u32();
  return { name, type, elements, offset: await cursor.u64() };
}

async function readString(cursor: Cursor, limit: number): Promise<string> {
  const length = await cursor.u64();
  if (length > limit) throw damaged(`a text of ${length} bytes`);
  return (await cursor.take(length)).toString('utf8');
}

async function readValue(cursor: Cursor, type: number, depth: number): Promise<GgufValue> {
  if (type === STRING) return readString(cursor, MAX_STRING_BYTES);
  if (type === ARRAY) return readArray(cursor, depth);
  const size = SCALAR_BYTES[type];
  if (size === undefined) throw damaged(`a metadata value of unknown type ${type}`);
  return scalar(await cursor.take(size), type);
}

async function readArray(cursor: Cursor, depth: number): Promise<GgufValue> {
  if (depth > 2) throw damaged('arrays inside arrays inside arrays');
  const type = await cursor.u32();
  const length = await cursor.u64();
  const size = SCALAR_BYTES[type];
  if (size !== undefined) {
    if (length > KEPT_ARRAY) {
      cursor.skip(length * size);
      return { arrayOf: type, length };
    }
    const bytes = await cursor.take(length * size);
    return Array.from({ length }, (_, i) => Number(scalar(bytes.subarray(i * size, (i + 1) * size), type)));
  }
  if (type !== STRING && type !== ARRAY) throw damaged(`an array of unknown type ${type}`);
  for (let i = 0; i < length; i += 1) {
    if (type === STRING) {
      const bytes = await cursor.u64();
      if (bytes > MAX_STRING_BYTES) throw damaged(`a text of ${bytes} bytes`);
      cursor.skip(bytes);
    } else await readArray(cursor, depth + 1);
  }
  return { arrayOf: type, length };
}

function scalar(bytes: Buffer, type: number): number | boolean {
  switch (type) {
    case U8:
      return bytes.readUInt8();
    case I8:
      return bytes.readInt8();
    case BOOL:
      return bytes.readUInt8() !== 0;
    case U16:
      return bytes.readUInt16LE();
    case I16:
      return bytes.readInt16LE();
    case U32:
      return bytes.readUInt32LE();
    case I32:
      return bytes.readInt32LE();
    case F32:
      return bytes.readFloatLE();
    case U64:
      return Number(bytes.readBigUInt64LE());
    case I64:
      return Number(bytes.readBigInt64LE());
    default:
      return bytes.readDoubleLE();
  }
}

function damaged(what: string, cause?: unknown): AppError {
  return new AppError('unsupported_format', `This is not a usable GGUF file: ${what}.`, {
    hint: 'Get the file again and compare its digest with the publisher’s.',
    details: { reason: 'damaged' },
    cause,
  });
}

/** `general.file_type` in words, or null. */
export function ggufQuantization(header: GgufHeader): string | null {
  const type = header.metadata.get('general.file_type');
  return typeof type === 'number' ? (FILE_TYPES[type] ?? null) : null;
}
