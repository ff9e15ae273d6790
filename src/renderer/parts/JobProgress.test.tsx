import { screen } from '@testing-library/react';
import { describe, expect, it } from 'vitest';
import type { Job } from '../../shared/contract/index.ts';
import { draw } from '../testing/draw.tsx';
import { JobProgress, jobState, jobWord, progressLine } from './JobProgress.tsx';

const MIB = 1024 * 1024;

function job(state: Job['state'], progress: Partial<NonNullable<Job['progress']>> | null = null): Job {
  return {
    id: 'job-1',
    kind: 'import',
    title: 'Import alpha',
    state,
    progress: progress === null ? null : { phase: 'copying', ...progress },
    cancel_requested: false,
  } as Job;
}

describe('what a job is doing', () => {
  it.each<[Job, string, string]>([
    [job('queued'), 'queued', 'queued'],
    [job('running', { phase: 'copying' }), 'running', 'copying'],
    [job('running', { phase: 'stalled' }), 'stalled', 'stalled'],
    [job('running', { phase: 'waiting' }), 'waiting', 'waiting'],
    [job('failed', { phase: 'copying' }), 'failed', 'failed'],
    [{ ...job('running', { phase: 'copying' }), cancel_requested: true }, 'running', 'cancelling'],
  ])('%#', (one, state, word) => {
    expect(jobState(one)).toBe(state);
    expect(jobWord(one)).toBe(word);
  });

  it('tells done, speed and rest as far as they are known', () => {
    const now = Date.parse('2026-11-20T12:00:00Z');
    expect(progressLine(job('running', { bytes_done: 5 * MIB, bytes_total: 10 * MIB }), now)).toBe(
      '5.00 of 10.0 MiB',
    );
    expect(
      progressLine(
        job('running', {
          bytes_done: 5 * MIB,
          bytes_total: 10 * MIB,
          bytes_per_second: MIB,
          eta_seconds: null,
        }),
        now,
      ),
    ).toBe('5.00 of 10.0 MiB, 1.00 MiB/s, —');
    expect(progressLine(job('running', { reason: 'the disk is slow' }), now)).toBe('the disk is slow');
    expect(progressLine(job('queued'), now)).toBe('');
  });

  it('is a bar with its words for a screen reader, and no bar without a total', () => {
    const { unmount } = draw(
      <JobProgress job={job('running', { bytes_done: 5 * MIB, bytes_total: 10 * MIB })} />,
    );
    const bar = screen.getByRole('progressbar', { name: 'Import alpha' });
    expect(bar.getAttribute('aria-valuenow')).toBe('50');
    expect(bar.getAttribute('aria-valuetext')).toContain('50 %');
    unmount();
    draw(<JobProgress job={job('running', { bytes_done: 5 * MIB, bytes_total: null })} />);
    expect(screen.queryByRole('progressbar')).toBeNull();
  });
});
