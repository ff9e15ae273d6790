import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import { draw } from '../testing/draw.tsx';
import { layOut, memoryWords, segmentsOf, type MemorySegment } from './memory.ts';
import { MemoryBar } from './MemoryBar.tsx';

const GIB = 1024 ** 3;

describe('the memory of a device, laid out', () => {
  const piece = (kind: MemorySegment['kind'], bytes: number, estimated = false): MemorySegment => ({
    id: kind,
    kind,
    bytes,
    estimated,
  });

  it.each([
    [
      'one after the other, in percent of the device',
      [piece('weights', 5), piece('other', 2)],
      undefined,
      [
        ['weights', 0, 50, 'solid'],
        ['other', 50, 20, 'solid'],
      ],
      null,
    ],
    [
      'what is not measured is hatched',
      [piece('kv_cache', 4, true)],
      undefined,
      [['kv_cache', 0, 40, 'estimate']],
      null,
    ],
    [
      'nothing takes no place',
      [piece('weights', 0), piece('compute', 1)],
      undefined,
      [['compute', 0, 10, 'solid']],
      null,
    ],
    [
      'what lies behind the limit is over, and the part before it is not',
      [piece('weights', 4, true), piece('kv_cache', 4, true)],
      6,
      [
        ['weights', 0, 40, 'estimate'],
        ['kv_cache', 40, 20, 'estimate'],
        ['kv_cache', 60, 20, 'over'],
      ],
      60,
    ],
    [
      'more than the device makes the bar as long as what is asked',
      [piece('weights', 20)],
      undefined,
      [
        ['weights', 0, 50, 'solid'],
        ['weights', 50, 50, 'over'],
      ],
      50,
    ],
  ] as const)('%s', (_name, segments, limit, pieces, tick) => {
    const layout = layOut(segments, { total: 10, used: null, ...(limit === undefined ? {} : { limit }) });
    expect(layout.pieces.map(({ kind, left, width, look }) => [kind, left, width, look])).toEqual(pieces);
    expect(layout.limit).toBe(tick);
    expect(layout.used).toBeNull();
  });

  it('what is used ends with the bar', () => {
    expect(layOut([], { total: 10, used: 4 }).used).toBe(40);
    expect(layOut([], { total: 10, used: 12 }).used).toBe(100);
  });
});

describe('the memory of a device in words', () => {
  it.each([
    [{ reserved: 18.1 * GIB, used: 18.9 * GIB, total: 24 * GIB }, '18.1 GiB reserved, 18.9 used of 24.0'],
    [{ reserved: 0.4 * GIB, used: null, total: 24 * GIB }, '0.4 GiB reserved, — used of 24.0'],
    [{ reserved: 0, used: 0, total: 80 * GIB }, '0.0 GiB reserved, 0.0 used of 80.0'],
    [{ reserved: GIB, used: null, total: null }, '1.00 GiB reserved, — used of —'],
  ])('%#', (memory, words) => {
    expect(memoryWords(memory)).toBe(words);
  });
});

describe('the bar', () => {
  const required = {
    weights_bytes: 8 * GIB,
    kv_cache_bytes: 4 * GIB,
    compute_bytes: GIB,
    overhead_bytes: GIB,
    total_bytes: 14 * GIB,
    low_bytes: 13 * GIB,
    high_bytes: 15 * GIB,
  };

  it('is a meter with its text, and draws parts in their order', () => {
    const { container } = draw(
      <MemoryBar segments={segmentsOf('chat', required, { share: 0.5 })} total={24 * GIB} used={8 * GIB} />,
    );
    const meter = screen.getByRole('meter', { name: '7.0 GiB reserved, 8.0 used of 24.0' });
    expect(meter.getAttribute('aria-valuenow')).toBe(String(7 * GIB));
    expect(
      [...container.querySelectorAll('[data-kind]')].map((one) => one.getAttribute('data-kind')),
    ).toEqual(['weights', 'kv_cache', 'compute', 'overhead']);
    expect(container.querySelector('[data-limit]')).toBeNull();
  });

  it('draws nothing for a device whose size nobody knows', () => {
    const { container } = draw(<MemoryBar segments={segmentsOf('a', required)} total={null} used={null} />);
    expect(screen.getByRole('meter', { name: '14.0 GiB reserved, — used of —' })).toBeTruthy();
    expect(container.querySelector('[data-kind]')).toBeNull();
    expect(container.querySelector('[data-used]')).toBeNull();
  });

  it('marks where it ends, and what is over', () => {
    const { container } = draw(
      <MemoryBar
        segments={segmentsOf('a', required, { estimated: true })}
        total={12 * GIB}
        limit={10 * GIB}
        used={null}
      />,
    );
    expect(container.querySelectorAll('[data-look="over"]')).toHaveLength(3);
    expect(container.querySelectorAll('[data-limit]')).toHaveLength(1);
  });
});
