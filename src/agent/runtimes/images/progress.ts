import type { EngineProgress } from '../../adapters/docker/index.ts';

/** What the engine's lines add up to. Bytes are those of the layers that said how large they are. */
export interface LayerTotals {
  readonly phase: 'pulling' | 'unpacking';
  readonly bytesDone: number;
  /** null while no layer has said its size. */
  readonly bytesTotal: number | null;
}

interface Layer {
  readonly size: number | null;
  readonly fetched: number;
  readonly isFetched: boolean;
}

export type Layers = ReadonlyMap<string, Layer>;

/** Words of the engine for a layer that needs no more bytes from the registry. */
const FETCHED = new Set([
  'Verifying Checksum',
  'Download complete',
  'Extracting',
  'Pull complete',
  'Already exists',
  'Layer already being pulled by another client',
]);

/**
 * Adds one line to what is known of the layers. Unpacking counts from zero again in the engine's lines and is no
 * transfer, so a layer that was fetched stays fetched. Lines that are about no layer change nothing. Pure.
 */
export function foldLayer(layers: Layers, { id, status, progressDetail }: EngineProgress): Layers {
  if (id === undefined || status === undefined || !LAYER_WORDS.test(status)) return layers;
  const before = layers.get(id) ?? { size: null, fetched: 0, isFetched: false };
  const isFetching = status === 'Downloading' || status === 'Loading layer';
  const size = isFetching ? (positive(progressDetail?.total) ?? before.size) : before.size;
  const isFetched = before.isFetched || FETCHED.has(status);
  const current = isFetching ? (progressDetail?.current ?? before.fetched) : before.fetched;
  // Engines try a layer again from its start; what was there is not there any more.
  const fetched = isFetched ? (size ?? before.fetched) : Math.min(current, size ?? current);
  return new Map(layers).set(id, { size, fetched, isFetched });
}

/** Pure. */
export function totalOf(layers: Layers): LayerTotals {
  const all = [...layers.values()];
  const known = all.flatMap((layer) => (layer.size === null ? [] : [{ ...layer, size: layer.size }]));
  return {
    phase: all.length > 0 && all.every((layer) => layer.isFetched) ? 'unpacking' : 'pulling',
    bytesDone: known.reduce((sum, layer) => sum + layer.fetched, 0),
    bytesTotal: known.length === 0 ? null : known.reduce((sum, layer) => sum + layer.size, 0),
  };
}

const LAYER_WORDS =
  /^(Pulling fs layer|Waiting|Downloading|Verifying Checksum|Download complete|Extracting|Pull complete|Already exists|Layer already being pulled by another client|Retrying in .*|Loading layer)$/;

function positive(value: number | undefined): number | null {
  return value === undefined || value <= 0 ? null : value;
}
