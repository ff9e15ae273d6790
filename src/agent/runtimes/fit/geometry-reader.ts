import { AppError } from '../../../shared/contract/index.ts';
import {
  ModelFiles,
  readGgufHeader,
  readSafetensorsHeader,
  type BlobStore,
  type GgufHeader,
  type SafetensorsHeader,
} from '../../artifacts/index.ts';
import type { ModelRow, ModelStore } from '../../catalog/index.ts';
import type { ModelGeometry } from '../../gpus/index.ts';
import { geometryOfGguf } from './geometry-gguf.ts';
import { geometryOfSafetensors } from './geometry-safetensors.ts';

const MAX_CONFIG_BYTES = 8 * 1024 * 1024;
/** Geometries are small and depend on the bytes alone. */
const KEPT = 256;

/** Reads the shape of a model from the headers of its files, once for each content. */
export class GeometryReader {
  readonly #models: ModelStore;
  readonly #blobs: BlobStore;
  readonly #known = new Map<string, ModelGeometry>();

  constructor(deps: { models: ModelStore; blobs: BlobStore }) {
    this.#models = deps.models;
    this.#blobs = deps.blobs;
  }

  /** @throws {AppError} `unsupported_format` for a header that cannot be read, `artifact_not_ready` for files that are gone. */
  async of(model: ModelRow, signal: AbortSignal): Promise<ModelGeometry> {
    const known = this.#known.get(model.content_id);
    if (known !== undefined) return known;
    const list = this.#models.files(model.version_id);
    const files = new ModelFiles(list, (file) => this.#blobs.blobPath(file.sha256));
    const geometry = await this.#read(model, files, signal).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT')
        throw new AppError('artifact_not_ready', `A file of ${model.id} is missing.`, { cause: error });
      throw error;
    });
    if (this.#known.size >= KEPT) this.#known.delete(this.#known.keys().next().value ?? '');
    this.#known.set(model.content_id, geometry);
    return geometry;
  }

  #read(model: ModelRow, files: ModelFiles, signal: AbortSignal): Promise<ModelGeometry> {
    if (model.format === 'gguf') return readGguf(files, signal);
    if (model.format === 'safetensors') return readDirectory(model.id, files, signal);
    throw new AppError('unsupported_format', `What ${model.id} needs cannot be calculated for its format.`);
  }
}

/** The first part has the metadata; the tensors of all parts count. */
async function readGguf(files: ModelFiles, signal: AbortSignal): Promise<ModelGeometry> {
  const parts = files.list
    .filter(({ path }) => path.endsWith('.gguf'))
    .toSorted((a, b) => a.path.localeCompare(b.path));
  let whole: GgufHeader | null = null;
  for (const file of parts) {
    await using source = await files.open(file);
    const header = await readGgufHeader(source, signal);
    whole = whole === null ? header : joined(whole, header);
  }
  if (whole === null) throw new AppError('unsupported_format', 'The model has no GGUF file.');
  return geometryOfGguf(whole);
}

function joined(a: GgufHeader, b: GgufHeader): GgufHeader {
  const count = Math.max(a.tensors.layers.length, b.tensors.layers.length);
  return {
    ...a,
    tensors: {
      tokenEmbedding: a.tensors.tokenEmbedding + b.tensors.tokenEmbedding,
      output: a.tensors.output + b.tensors.output,
      other: a.tensors.other + b.tensors.other,
      unknownTypes: [...new Set([...a.tensors.unknownTypes, ...b.tensors.unknownTypes])],
      layers: Array.from({ length: count }, (_, index) => {
        const one = a.tensors.layers[index];
        const two = b.tensors.layers[index];
        return {
          bytes: (one?.bytes ?? 0) + (two?.bytes ?? 0),
          attention: (one?.attention ?? false) || (two?.attention ?? false),
          recurrent: (one?.recurrent ?? false) || (two?.recurrent ?? false),
        };
      }),
    },
  };
}

async function readDirectory(id: string, files: ModelFiles, signal: AbortSignal): Promise<ModelGeometry> {
  const config = await files.json('config.json', MAX_CONFIG_BYTES, signal);
  if (config === null) throw new AppError('unsupported_format', `${id} has no config.json that can be read.`);
  const weights = files.list.filter(({ path }) => path.endsWith('.safetensors') && !path.includes('/'));
  // Some repositories carry the same weights twice, once in the publisher's own layout.
  const usual = weights.filter(({ path }) => path.startsWith('model'));
  const headers: SafetensorsHeader[] = [];
  for (const file of usual.length > 0 ? usual : weights) {
    await using source = await files.open(file);
    headers.push(await readSafetensorsHeader(source, file.path, signal));
  }
  return geometryOfSafetensors(config, headers);
}
