import { fireEvent, screen } from '@testing-library/react';
import { useState, type ReactNode } from 'react';
import { describe, expect, it } from 'vitest';
import type { Fit } from '../../../../shared/contract/index.ts';
import { parseBytes } from '../../../parts/format.ts';
import { draw } from '../../../testing/draw.tsx';
import { CountInput } from './CountInput.tsx';
import { changesOf, merged } from './draft.ts';
import { FitPanel } from './FitPanel.tsx';
import { configOf, problemOf, shown, textsOf, withPatch, type Setting } from './settings.ts';

const GIB = 1024 ** 3;
const setting = (kind: Setting['kind']): Setting => ({ key: 'threads', kind });

describe('settings as text', () => {
  it('sizes and variables come back as they were', () => {
    const config = { shm_bytes: 8 * GIB, env: { A_B: 'x=y', C: '' }, flash_attention: 'on' } as const;
    const texts = textsOf(config);
    expect(texts['env']).toBe('A_B=x=y\nC=');
    expect(configOf({}, texts)).toEqual(config);
    expect(configOf({}, { shm_bytes: '8 GiB' })).toEqual({ shm_bytes: 8 * GIB });
  });

  it.each([
    ['12 GiB', 12 * GIB],
    ['512m', 512 * 1024 ** 2],
    ['1.5 g', 1.5 * GIB],
    ['1,024', 1024],
    ['much', null],
    ['-1', null],
  ])('reads %s', (text, bytes) => {
    expect(parseBytes(text)).toBe(bytes);
  });

  it.each([
    ['count', 'many', true],
    ['count', '64k', false],
    ['bytes', '12 GiB', false],
    ['bytes', 'twelve', true],
    ['pairs', 'lower=1', true],
    ['pairs', 'UPPER=1', false],
    ['number', '1.2', true],
    ['layers', 'all', false],
    ['count', '', false],
  ] as const)('%s %s: refused %s', (kind, text, refused) => {
    expect(problemOf(setting(kind), text) !== null).toBe(refused);
  });

  it('are shown as people read them', () => {
    expect(shown('count', '65536')).toBe('65,536');
    expect(shown('bytes', String(12 * GIB))).toBe('12.0 GiB');
    expect(shown('bytes', '1234567891')).toBe('1234567891');
    expect(shown('count', 'many')).toBe('many');
  });

  it('take advice, and null takes a setting away', () => {
    expect(
      withPatch({ context_length: '1', threads: '4' }, { context_length: 65536, threads: null }),
    ).toEqual({
      context_length: '65536',
    });
  });

  it('know what is changed', () => {
    const stored = { texts: { threads: '4' }, modelId: 'a', gpuIds: ['x', 'y'] };
    expect(changesOf(stored, stored)).toEqual([]);
    expect(changesOf({ ...stored, gpuIds: ['y', 'x'] }, stored)).toEqual([]);
    expect(changesOf({ texts: { parallel: '2' }, modelId: 'b', gpuIds: ['x'] }, stored)).toEqual([
      'model',
      'parallel',
      'threads',
      'gpu_ids',
    ]);
  });
});

describe('a draft', () => {
  it('keeps what was changed and follows the slot in the rest', () => {
    const base = { texts: { threads: '4', context_length: '2048' }, modelId: 'a', gpuIds: [] };
    const mine = { ...base, texts: { context_length: '2048', parallel: '2' } };
    const now = { texts: { threads: '8', context_length: '1024' }, modelId: 'b', gpuIds: ['x'] };
    expect(merged(mine, base, now)).toEqual({
      texts: { context_length: '1024', parallel: '2' },
      modelId: 'b',
      gpuIds: ['x'],
    });
  });
});

describe('a number in the editor', () => {
  function Field(): ReactNode {
    const [value, setValue] = useState('131072');
    return (
      <>
        <CountInput id="n" kind="count" value={value} placeholder="" problem={null} onChange={setValue} />
        <output>{value}</output>
      </>
    );
  }

  it('is read with separators, typed as one likes, and kept plain', () => {
    draw(<Field />);
    const input = screen.getByRole<HTMLInputElement>('textbox');
    expect(input.value).toBe('131,072');
    fireEvent.focus(input);
    // Nothing changes under what is selected.
    expect(input.value).toBe('131,072');
    fireEvent.change(input, { target: { value: '64k' } });
    expect(input.value).toBe('64k');
    fireEvent.blur(input);
    expect(input.value).toBe('65,536');
    expect(screen.getByRole('status').textContent).toBe('65536');
  });
});

describe('the fit of a model', () => {
  const required = {
    weights_bytes: 17 * GIB,
    kv_cache_bytes: 9 * GIB,
    compute_bytes: GIB,
    overhead_bytes: 0,
    total_bytes: 27 * GIB,
    low_bytes: 26 * GIB,
    high_bytes: 28 * GIB,
  };
  const over: Fit = {
    fits: false,
    verdict: 'It fits with 65,536 tokens.',
    place: 'gpu',
    context_length: 131_072,
    parallel: 1,
    required,
    breakdown: [{ part: 'kv_cache', low_bytes: 8.6 * GIB, expected_bytes: 9 * GIB, high_bytes: 9.4 * GIB }],
    available_bytes: 23 * GIB,
    missing_bytes: 4 * GIB,
    max_context_length: 65_536,
    max_parallel: null,
    trained_context_length: 262_144,
    gpu_memory_utilization: null,
    per_gpu: [
      {
        gpu_uuid: 'GPU-1',
        name: 'GPU 1',
        total_bytes: 24 * GIB,
        available_bytes: 23 * GIB,
        required,
        fits: false,
      },
    ],
    ways: [
      {
        label: 'KV cache q8_0',
        fits: true,
        total_bytes: 22 * GIB,
        spare_bytes: GIB,
        patch: { kv_cache_type: 'q8_0' },
        gpu_ids: null,
        unload: [],
      },
      {
        label: 'Unload embed',
        fits: false,
        total_bytes: 27 * GIB,
        spare_bytes: -2 * GIB,
        patch: {},
        gpu_ids: null,
        unload: ['embed'],
      },
    ],
    assumptions: ['Flash attention is on.'],
    learned: { measurements: 2, engine: 'b11669', last_error_percent: 1.8 },
  };

  it('says how much is over, what would fit, and on what that rests', () => {
    const taken: unknown[] = [];
    const { container } = draw(
      <FitPanel
        fit={{ data: over, error: null, stale: false }}
        onContext={(tokens) => taken.push(tokens)}
        onWay={(way) => taken.push(way.label)}
      />,
    );
    screen.getByText('Does not fit: 4.00 GiB over');
    fireEvent.click(screen.getByRole('button', { name: 'Use 65,536' }));
    fireEvent.click(screen.getByRole('button', { name: 'Use: KV cache q8_0' }));
    expect(taken).toEqual([65_536, 'KV cache q8_0']);
    screen.getByText('Unload embed: 2.00 GiB over');
    screen.getByText('Basis: measured here twice with b11669. The last estimate was 1.8 % high.');
    screen.getByText('KV cache, 131,072 × 1');
    expect(container.querySelector('[data-look="over"]')).not.toBeNull();
    fireEvent.click(screen.getByRole('button', { name: 'Taken for granted (1)' }));
    screen.getByText('Flash attention is on.');
  });

  it('keeps the old figures, paler, while the new ones are asked for', () => {
    const { container } = draw(<FitPanel fit={{ data: over, error: null, stale: true }} />);
    screen.getByText('Does not fit: 4.00 GiB over');
    expect(container.querySelector('[aria-busy="true"]')).not.toBeNull();
    expect(screen.queryByRole('button', { name: 'Use 65,536' })).toBeNull();
  });
});
