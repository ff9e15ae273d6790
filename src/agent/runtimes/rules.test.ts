import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { loadDiagnosisRules } from './diagnosis/rules.ts';
import { slotMismatch } from './slots/launcher.ts';
import { lineSplitter } from './slots/log-buffer.ts';
import { RETRY_POLICY, retryDelay } from './slots/plan.ts';
import { FailureTracker, type FailureFacts } from './slots/failure-tracker.ts';
import { RuntimeExitedError } from './slots/probe.ts';
import { effectiveConfig } from './specs/effective-config.ts';
import type { RuntimeSpec } from './specs/spec.ts';
import { parseSpec } from './specs/spec-registry.ts';
import { AppError } from '../../shared/contract/index.ts';

const shipped = (id: string): RuntimeSpec => {
  const result = parseSpec(
    readFileSync(new URL(`../../../resources/runtimes/${id}.yaml`, import.meta.url), 'utf8'),
    id,
  );
  if (!('spec' in result)) throw new Error(JSON.stringify(result.problems));
  return result.spec;
};
const llama = shipped('llama-cpp-cpu');

describe('when a start is tried again', () => {
  it.each([
    ['first failure of a start', 1, true, false, 1, 10_000],
    ['second', 2, true, false, 2, 20_000],
    ['third', 3, true, false, 3, 40_000],
    ['many with other causes', 9, true, false, 1, 300_000],
    ['died after it served', 1, true, true, 1, 0],
    ['died again soon after', 2, true, true, 1, 20_000],
    ['cannot be cured', 1, false, false, 1, null],
    ['the same cause four times', 4, true, false, 4, null],
  ])('%s', (_name, failures, retryable, hadServed, sameCause, delay) => {
    expect(retryDelay(RETRY_POLICY, failures, retryable, hadServed, sameCause)).toBe(delay);
  });

  const tracker = () => new FailureTracker(loadDiagnosisRules(), RETRY_POLICY);
  const exit = new RuntimeExitedError({ code: 1, oomKilled: false, message: null });
  const facts = {
    lines: [{ line: 1, text: 'something odd' }],
    attempt: 1,
    generation: 1,
    hadServed: false,
    now: 1000,
    subject: { engine: 'llama.cpp', device: 'cpu', settings: {}, own: {}, allowed: [], rules: [] },
  } as const;

  it('gives up on a crash loop, and starts counting anew for a new wish', () => {
    const failures = tracker();
    const codes = [1, 2, 3, 4].map(() => failures.record(exit, facts).error);
    expect(codes).toEqual(['runtime_exited', 'runtime_exited', 'runtime_exited', 'runtime_crash_loop']);
    expect(failures.current?.retryAt).toBeNull();
    expect(failures.record(exit, { ...facts, generation: 2 })).toMatchObject({
      error: 'runtime_exited',
      will_retry: true,
    });
  });

  it('does not count waiting for an engine, and goes on when it is back', () => {
    const failures = tracker();
    for (let i = 0; i < 10; i += 1)
      expect(failures.record(new AppError('runtime_unavailable', 'no docker'), facts).will_retry).toBe(true);
    failures.engineCameBack();
    expect(failures.current).toBeNull();
  });

  it('tries once more, and no more, where a rule says so', () => {
    const failures = tracker();
    const killed = new RuntimeExitedError({ code: 137, oomKilled: false, message: null });
    expect(failures.record(killed, facts)).toMatchObject({ cause: 'killed', will_retry: true });
    expect(failures.record(killed, facts)).toMatchObject({
      cause: 'killed',
      error: 'runtime_exited',
      will_retry: false,
    });
  });

  it('asks the rules of the spec first, about the device of the spec', () => {
    const log = [{ line: 7, text: 'warning: no usable GPU found' }];
    const own = {
      id: 'mine',
      code: 'gpu_unavailable',
      cause: 'Mine.',
      fix: 'That.',
      retry: 'never',
      fixes: [],
    };
    const subject = { ...facts.subject, device: 'cuda' } as const;
    const record = (rules: readonly unknown[]) =>
      tracker().record(exit, { ...facts, lines: log, subject: { ...subject, rules } } as FailureFacts);
    expect(record([])).toMatchObject({
      error: 'runtime_gpu_unused',
      evidence: { attempt: 1, line: 7, text: log[0]?.text },
    });
    expect(record([{ ...own, pattern: 'no usable' }])).toMatchObject({ cause: 'mine', message: 'Mine.' });
    expect(record([{ ...own, pattern: 'something else' }]).cause).toBe('silent-cpu');
  });

  it('hears what Docker said behind our words for it', () => {
    const refused = (said: string) =>
      new AppError('runtime_unavailable', `Docker refused: ${said}`, { cause: new Error(said) });
    const said = 'nvidia-container-cli: requirement error: unsatisfied condition: cuda>=13.0, please update';
    expect(tracker().record(refused(said), facts)).toMatchObject({
      error: 'gpu_runtime_missing',
      cause: 'driver-older-than-image',
      will_retry: false,
    });
    expect(tracker().record(refused('something new'), facts)).toMatchObject({
      error: 'runtime_unavailable',
      cause: null,
    });
  });

  it('does not retry what only a person can change', () => {
    expect(tracker().record(new AppError('image_missing', 'x'), facts)).toMatchObject({
      will_retry: false,
      retry_at: null,
    });
  });
});

describe('the log of a good start', () => {
  const lines = (name: string): string[] =>
    readFileSync(
      fileURLToPath(new URL(`../../../test/fixtures/llama-logs/${name}.log`, import.meta.url)),
      'utf8',
    ).split('\n');

  it('recognises every milestone of a good start in its order', () => {
    const log = lines('ok-lv4');
    const first = llama.milestones.map((milestone) =>
      log.findIndex((line) => new RegExp(milestone.pattern).test(line)),
    );
    expect(first.every((at) => at >= 0)).toBe(true);
    expect(first.toSorted((a, b) => a - b)).toEqual(first);
  });
});

describe('the configuration of a slot', () => {
  const layers = { slot: {}, override: {}, overrideRevision: 0, declared: {}, inferred: {} };

  it('takes each value from the highest layer that has one, and says from where', () => {
    const { values, origins } = effectiveConfig(llama, {
      slot: { threads: 1, max_model_len: 1024 },
      override: { threads: 2, kv_cache_type: 'q8_0' },
      overrideRevision: 4,
      declared: { kv_cache_type: 'f16', parallel: 3 },
      inferred: { context_length: 512 },
    });
    expect(values).toEqual({ threads: 1, context_length: 1024, kv_cache_type: 'q8_0', parallel: 3 });
    expect(origins).toMatchObject({
      threads: { from: 'slot' },
      context_length: { from: 'slot' },
      kv_cache_type: { from: 'override', note: 'revision 4' },
      parallel: { from: 'declared' },
    });
  });

  it('does not give a model all it was trained for unless somebody asks', () => {
    expect(effectiveConfig(llama, { ...layers, inferred: { context_length: 131_072 } })).toMatchObject({
      values: { context_length: 8192 },
      origins: { context_length: { from: 'inferred', note: 'trained for 131072' } },
    });
    expect(
      effectiveConfig(llama, {
        ...layers,
        inferred: { context_length: 131_072 },
        slot: { context_length: 131_072 },
      }).values.context_length,
    ).toBe(131_072);
    expect(effectiveConfig(llama, layers)).toMatchObject({
      values: { context_length: 8192 },
      origins: { context_length: { from: 'default' } },
    });
  });
});

describe('which model fits which slot', () => {
  const model = { id: 'a', format: 'gguf', task_key: 'llm' } as const;
  it('is decided by capability, then format', () => {
    expect(slotMismatch(llama, { capability: 'llm_inference' }, model)).toBeNull();
    expect(slotMismatch(llama, { capability: 'embeddings' }, model)?.message).toContain(
      'for text generation',
    );
    expect(
      slotMismatch(llama, { capability: 'llm_inference' }, { ...model, format: 'safetensors' })?.message,
    ).toContain('runs gguf');
  });
});

describe('lines of a log', () => {
  it('are split over chunks, and at carriage returns', () => {
    const lines: string[] = [];
    const splitter = lineSplitter((line) => lines.push(line));
    for (const chunk of ['one\ntw', 'o\r\nthr', 'ee 10%\rthree 20%\r', '\nend']) splitter.write(chunk);
    splitter.end();
    expect(lines).toEqual(['one', 'two', 'three 10%', 'three 20%', 'end']);
  });
});
