import { AppError } from '../../shared/contract/index.ts';
import { Cursor, EndOfFileError, type ByteSource } from './byte-source.ts';

/** Header of a safetensors file: https://huggingface.co/docs/safetensors/index#format. Bounded like the format itself. */
export interface SafetensorsHeader {
  readonly parameterCount: number;
  readonly dtypes: readonly string[];
  readonly tensorNames: readonly string[];
  readonly tensors: SafetensorsTensors;
}

/** Bytes of the tensors by what they are for. */
export interface SafetensorsTensors {
  readonly tokenEmbedding: number;
  readonly output: number;
  /** By the number of the layer in the text model. */
  readonly layers: readonly number[];
  readonly other: number;
}

const MAX_HEADER_BYTES = 100 * 1000 * 1000;
const MAX_LAYERS = 4096;

interface TensorEntry {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data_offsets: readonly [number, number];
}

/** @throws {AppError} `unsupported_format` with the reason. */
export async function readSafetensorsHeader(
  source: ByteSource,
  name: string,
  signal: AbortSignal,
): Promise<SafetensorsHeader> {
  const cursor = new Cursor(source, signal);
  try {
    const length = await cursor.u64();
    if (length > MAX_HEADER_BYTES) throw damaged(name, `its header claims ${length} bytes`);
    const text = (await cursor.take(length)).toString('utf8');
    return measure(JSON.parse(text) as Record<string, unknown>, name, source.size - 8 - length);
  } catch (error) {
    if (error instanceof AppError) throw error;
    if (error instanceof EndOfFileError)
      throw damaged(name, 'it ends in the middle of its header', 'truncated');
    if (error instanceof SyntaxError || error instanceof RangeError)
      throw damaged(name, 'its header cannot be read');
    throw error;
  }
}

function measure(header: Record<string, unknown>, name: string, dataBytes: number): SafetensorsHeader {
  let parameterCount = 0;
  let end = 0;
  const dtypes = new Set<string>();
  const tensorNames: string[] = [];
  const sums = { tokenEmbedding: 0, output: 0, layers: [] as number[], other: 0 };
  for (const [tensor, value] of Object.entries(header)) {
    if (tensor === '__metadata__') continue;
    if (!isEntry(value)) throw damaged(name, `tensor ${tensor.slice(0, 100)} is not described`);
    parameterCount += value.shape.reduce((product, size) => product * size, 1);
    end = Math.max(end, value.data_offsets[1]);
    dtypes.add(value.dtype);
    tensorNames.push(tensor);
    addTo(sums, tensor, value.data_offsets[1] - value.data_offsets[0]);
  }
  if (tensorNames.length === 0) throw damaged(name, 'it holds no tensors');
  if (end > dataBytes) throw damaged(name, `it ends at ${dataBytes} of ${end} bytes of tensors`, 'truncated');
  return { parameterCount, dtypes: [...dtypes], tensorNames, tensors: sums };
}

/** Names differ by family (`model.layers.3.`, `transformer.h.3.`), and a vision tower counts layers of its own. */
function addTo(
  sums: { tokenEmbedding: number; output: number; layers: number[]; other: number },
  name: string,
  bytes: number,
): void {
  const vision = /(^|\.)(vision|visual|audio|image)/.test(name);
  const layer = vision ? undefined : /(?:^|\.)(?:layers|h|blocks|layer)\.(\d{1,4})\./.exec(name)?.[1];
  if (layer !== undefined && Number(layer) < MAX_LAYERS) {
    const index = Number(layer);
    while (sums.layers.length <= index) sums.layers.push(0);
    sums.layers[index] = (sums.layers[index] ?? 0) + bytes;
  } else if (/(^|\.)(embed_tokens|wte|word_embeddings)\.weight$/.test(name)) sums.tokenEmbedding += bytes;
  else if (/(^|\.)(lm_head|embed_out)\.weight$/.test(name)) sums.output += bytes;
  else sums.other += bytes;
}

function isEntry(value: unknown): value is TensorEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { dtype, shape, data_offsets: offsets } = value as Partial<TensorEntry>;
  return (
    typeof dtype === 'string' &&
    Array.isArray(shape) &&
    shape.every((size) => Number.isSafeInteger(size) && size >= 0) &&
    Array.isArray(offsets) &&
    offsets.length === 2 &&
    offsets.every((offset) => Number.isSafeInteger(offset) && offset >= 0)
  );
}

function damaged(name: string, what: string, reason = 'damaged'): AppError {
  return new AppError('unsupported_format', `${name} is not a usable safetensors file: ${what}.`, {
    hint: 'Get the file again and compare its digest with the publisher’s.',
    details: { reason, file: name },
  });
}
