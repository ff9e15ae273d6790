/**
 * Writes a GGUF file of version 3: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md. Enough for models that
 * are made here: 32-bit floats, and the metadata types their headers use.
 */
export type GgufMetadataValue =
  | { readonly type: 'u32' | 'f32'; readonly value: number }
  | { readonly type: 'bool'; readonly value: boolean }
  | { readonly type: 'string'; readonly value: string }
  | { readonly type: 'strings'; readonly value: readonly string[] }
  | { readonly type: 'f32s' | 'i32s' | 'bools'; readonly value: readonly number[] };

/** A tensor as the header lists it. */
export interface GgufTensorInfo {
  readonly name: string;
  /** Innermost first, as GGUF stores them. */
  readonly dimensions: readonly number[];
  /** The number of its ggml type. */
  readonly type: number;
  readonly bytes: number;
}

export interface GgufTensor {
  readonly name: string;
  /** Innermost first, as GGUF stores them. */
  readonly dimensions: readonly number[];
  readonly data: Float32Array;
}

const ALIGNMENT = 32;
const TYPE = { u32: 4, i32: 5, f32: 6, bool: 7, string: 8, array: 9 } as const;

const GGML_F32 = 0;

export function writeGguf(
  metadata: Readonly<Record<string, GgufMetadataValue>>,
  tensors: readonly GgufTensor[],
): Buffer {
  const { head } = ggufHead(
    metadata,
    tensors.map(({ name, dimensions, data }) => ({
      name,
      dimensions,
      type: GGML_F32,
      bytes: data.byteLength,
    })),
  );
  const body = tensors.flatMap(({ data }) => {
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    return [bytes, Buffer.alloc(padded(bytes.length) - bytes.length)];
  });
  return Buffer.concat([head, ...body]);
}

/** The file up to its tensors' data, and how long the whole file has to be. */
export function ggufHead(
  metadata: Readonly<Record<string, GgufMetadataValue>>,
  tensors: readonly GgufTensorInfo[],
): { head: Buffer; fileBytes: number } {
  const header: Buffer[] = [
    Buffer.from('GGUF'),
    u32(3),
    u64(tensors.length),
    u64(Object.keys(metadata).length),
  ];
  for (const [key, entry] of Object.entries(metadata)) header.push(text(key), encode(entry));
  let offset = 0;
  for (const { name, dimensions, type, bytes } of tensors) {
    header.push(text(name), u32(dimensions.length), ...dimensions.map(u64), u32(type), u64(offset));
    offset += padded(bytes);
  }
  const unpadded = Buffer.concat(header);
  const head = Buffer.concat([unpadded, Buffer.alloc(padded(unpadded.length) - unpadded.length)]);
  return { head, fileBytes: head.length + offset };
}

function encode(entry: GgufMetadataValue): Buffer {
  // Vocabularies are long: their parts are never arguments of a call.
  return Buffer.concat(parts(entry));
}

function parts(entry: GgufMetadataValue): Buffer[] {
  switch (entry.type) {
    case 'u32':
      return [u32(TYPE.u32), u32(entry.value)];
    case 'f32':
      return [u32(TYPE.f32), f32(entry.value)];
    case 'bool':
      return [u32(TYPE.bool), Buffer.from([entry.value ? 1 : 0])];
    case 'string':
      return [u32(TYPE.string), text(entry.value)];
    case 'strings':
      return [
        u32(TYPE.array),
        u32(TYPE.string),
        u64(entry.value.length),
        Buffer.concat(entry.value.map(text)),
      ];
    case 'f32s':
      return [u32(TYPE.array), u32(TYPE.f32), u64(entry.value.length), Buffer.concat(entry.value.map(f32))];
    case 'bools':
      return [u32(TYPE.array), u32(TYPE.bool), u64(entry.value.length), Buffer.from(entry.value)];
    case 'i32s':
      return [u32(TYPE.array), u32(TYPE.i32), u64(entry.value.length), Buffer.concat(entry.value.map(u32))];
  }
}

function padded(bytes: number): number {
  return Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
}

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'utf8');
  return Buffer.concat([u64(bytes.length), bytes]);
}
