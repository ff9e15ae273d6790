import { describe, expect, it } from 'vitest';
import { appendLines, collapseProgress, levelOf, type LogLine } from './log-lines.ts';

const line = (n: number, text = `line ${n}`): LogLine => ({ line: n, at: null, stream: 'stderr', text });

describe('a line of a log', () => {
  it.each([
    ['0.00.008.661 E gguf_init_from_reader: invalid magic characters', 'error'],
    ['0.00.007.066 W srv  llama_server: security: no API key is set', 'warn'],
    ['0.00.008.580 I srv    load_model: loading model', 'info'],
    ['(EngineCore_DP0 pid=231) ERROR 11-20 10:14:22 [core.py:708] ValueError: no', 'error'],
    ['(APIServer pid=1) WARNING 11-20 10:14:22 [x.py:1] hm', 'warn'],
    ['(APIServer pid=1) INFO 11-20 10:13:41 [utils.py:233] fine', 'info'],
    ['(EngineCore_DP0 pid=231) ValueError: no', 'error'],
    ['error: invalid argument: --x', 'error'],
    ['warning: no usable GPU found', 'warn'],
    ['usage: vllm serve', null],
  ])('%s is %s', (text, level) => {
    expect(levelOf(text)).toBe(level);
  });

  it('of a progress bar takes the place of the one before, and keeps its number', () => {
    const shards = (percent: string): string =>
      `Loading safetensors checkpoint shards:  ${percent} Completed | 1/4 [00:02<00:07,  2.41s/it]`;
    const lines = [
      line(1),
      line(2, shards('25%')),
      line(3, shards('50%')),
      line(4),
      line(5, shards('100%')),
      line(6, 'Capturing CUDA graphs: 100%'),
    ];
    expect(collapseProgress(lines).map((one) => one.line)).toEqual([1, 3, 4, 5, 6]);
  });

  it('that was read already is not shown twice', () => {
    const before = [line(1), line(2)];
    expect(appendLines(before, [line(2), line(3)], 9).map((one) => one.line)).toEqual([1, 2, 3]);
    expect(appendLines(before, [line(3), line(4)], 3).map((one) => one.line)).toEqual([2, 3, 4]);
    expect(appendLines(before, [line(1)], 9)).toBe(before);
  });
});
