import { describe, expect, it } from 'vitest';
import { loadDiagnosisRules } from '../diagnosis/rules.ts';
import { cpuFallback, saysGpuLost, unusedGpus, usesItsGpus, type SlotGpu } from './gpu-check.ts';

const GiB = 1024 ** 3;
const gpu = (usedBytes: number | null, ...slots: (string | null)[]): SlotGpu => ({
  id: 'GPU-1',
  usedBytes,
  processes: slots.map((slotId) => ({ slotId, memoryBytes: null })),
});

describe('whether an engine uses the GPUs of its slot', () => {
  it.each<[string, SlotGpu[], boolean | null]>([
    ['a slot without GPUs', [], null],
    ['its process is there', [gpu(2 * GiB, 'chat')], true],
    ['its process is on one of two', [gpu(0), gpu(2 * GiB, 'other', 'chat')], true],
    ['nobody is there and nothing is used', [gpu(3 * 1024 ** 2)], false],
    ['nobody is listed but memory is used', [gpu(2 * GiB)], null],
    ['somebody else is there', [gpu(2 * GiB, 'other', null)], null],
    ['the driver does not say', [gpu(null)], null],
  ])('%s', (_name, gpus, uses) => {
    expect(usesItsGpus('chat', gpus)).toBe(uses);
  });
});

describe('an engine that says it runs on the processor', () => {
  const rules = loadDiagnosisRules();
  it('is known by its log', () => {
    const told = cpuFallback(rules, 'llama.cpp', [
      { text: 'load_model: loading' },
      { text: 'warning: no usable GPU found, --gpu-layers option will be ignored' },
    ]);
    expect(told).toMatchObject({ code: 'runtime_gpu_unused' });
    expect(told?.message).toContain('It was stopped.');
    expect(cpuFallback(rules, 'llama.cpp', [{ text: 'offloaded 33/33 layers to GPU' }])).toBeNull();
  });

  it('names the GPUs it was meant for', () => {
    expect(unusedGpus(['0']).message).toContain('GPU 0,');
    expect(unusedGpus(['0', '1']).message).toContain('GPUs 0, 1,');
  });
});

describe('what nvidia-smi says in a container', () => {
  it.each([
    ['GPU 0: NVIDIA L4 (UUID: GPU-1)', false],
    ['Failed to initialize NVML: Unknown Error', true],
    ['Unable to determine the device handle for GPU0000:01:00.0: GPU is lost.', true],
    ['OCI runtime exec failed: exec: "nvidia-smi": executable file not found in $PATH', false],
  ])('%s', (output, lost) => {
    expect(saysGpuLost(output)).toBe(lost);
  });
});
