import { describe, expect, it } from 'vitest';
import type { EngineProgress } from '../../adapters/docker/index.ts';
import { foldLayer, totalOf, type Layers } from './progress.ts';

const fold = (events: readonly EngineProgress[]): ReturnType<typeof totalOf> =>
  totalOf(events.reduce<Layers>((layers, event) => foldLayer(layers, event), new Map()));
const line = (id: string, status: string, current?: number, total?: number): EngineProgress => ({
  id,
  status,
  ...(current === undefined
    ? {}
    : { progressDetail: { current, ...(total === undefined ? {} : { total }) } }),
});

describe('the lines of a pull', () => {
  it.each<[string, EngineProgress[], ReturnType<typeof totalOf>]>([
    ['nothing', [], { phase: 'pulling', bytesDone: 0, bytesTotal: null }],
    [
      'the tag and the digest are no layers',
      [
        { status: 'Pulling from library/x', id: '1' },
        { status: 'Digest: sha256:00' },
        { status: 'Status: Downloaded newer image' },
      ],
      { phase: 'pulling', bytesDone: 0, bytesTotal: null },
    ],
    [
      'layers that wait have no size yet',
      [line('a', 'Pulling fs layer'), line('b', 'Waiting')],
      { phase: 'pulling', bytesDone: 0, bytesTotal: null },
    ],
    [
      'sizes are summed by layer',
      [line('a', 'Downloading', 10, 100), line('b', 'Downloading', 5, 50), line('a', 'Downloading', 40, 100)],
      { phase: 'pulling', bytesDone: 45, bytesTotal: 150 },
    ],
    [
      'a missing total keeps the one known before',
      [line('a', 'Downloading', 10, 100), line('a', 'Downloading', 20), line('a', 'Downloading', 30, -1)],
      { phase: 'pulling', bytesDone: 30, bytesTotal: 100 },
    ],
    [
      'unpacking is no transfer and does not go back',
      [
        line('a', 'Downloading', 90, 100),
        line('a', 'Download complete'),
        line('a', 'Extracting', 3, 100),
        line('b', 'Downloading', 1, 10),
      ],
      { phase: 'pulling', bytesDone: 101, bytesTotal: 110 },
    ],
    [
      'all fetched is unpacking',
      [line('a', 'Downloading', 90, 100), line('a', 'Pull complete'), line('b', 'Already exists')],
      { phase: 'unpacking', bytesDone: 100, bytesTotal: 100 },
    ],
    [
      'a layer that is tried again begins again',
      [
        line('a', 'Downloading', 90, 100),
        line('a', 'Retrying in 2 seconds'),
        line('a', 'Downloading', 10, 100),
      ],
      { phase: 'pulling', bytesDone: 10, bytesTotal: 100 },
    ],
    [
      'more than the size is the size',
      [line('a', 'Downloading', 120, 100)],
      { phase: 'pulling', bytesDone: 100, bytesTotal: 100 },
    ],
  ])('%s', (_name, events, expected) => {
    expect(fold(events)).toEqual(expected);
  });
});
