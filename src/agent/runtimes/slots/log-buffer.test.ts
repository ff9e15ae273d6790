import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../../test/support/temporary.ts';
import type { LogLine } from '../drivers/driver.ts';
import { AttemptLogs, LogBuffer } from './log-buffer.ts';
import { LogFile, readLogFile, type NumberedLine } from './log-file.ts';

const at = Date.parse('2026-11-20T10:00:00.000Z');
const line = (n: number, text = `line ${n}`): LogLine => ({ at: at + n, stream: 'stderr', text });

describe('the log of an attempt', () => {
  it('numbers its lines, the same in memory and in the file', async () => {
    await using directory = await temporaryDirectory();
    const logs = new AttemptLogs(directory.path, '.');
    const buffer = new LogBuffer(logs.path(1));
    const pushed = [1, 2, 3].map((n) => buffer.push(line(n)));
    await buffer.flush();
    expect(buffer.tail(9)).toEqual(pushed);
    expect(await logs.read(1, 9)).toEqual(pushed);
    expect(await logs.attempts()).toEqual([1]);
    await buffer.close();
  });

  it('goes on with its numbers for the next agent, which is told the old lines again', async () => {
    await using directory = await temporaryDirectory();
    const logs = new AttemptLogs(directory.path, '.');
    const first = new LogBuffer(logs.path(1));
    for (const n of [1, 2, 3]) first.push(line(n));
    // Two more of the same instant; the former agent saw one of them.
    first.push(line(3, 'twin'));
    await first.close();
    const second = await LogBuffer.open(logs.path(1));
    const told = [line(1), line(2), line(3), line(3, 'twin'), line(3, 'twin'), line(4)];
    expect(told.map((one) => second.push(one)?.line ?? null)).toEqual([null, null, null, null, 5, 6]);
    expect(second.tail(9).map((one) => one.line)).toEqual([1, 2, 3, 4, 5, 6]);
    await second.close();
    expect((await logs.read(1, 99)).map((one) => one.line)).toEqual([1, 2, 3, 4, 5, 6]);
  });

  it('finds lines whatever their case, with their numbers', async () => {
    await using directory = await temporaryDirectory();
    const logs = new AttemptLogs(directory.path, '.');
    const buffer = new LogBuffer(logs.path(1));
    for (let n = 1; n <= 20; n += 1) buffer.push(line(n, n % 5 === 0 ? `CUDA said ${n}` : 'nothing'));
    await buffer.close();
    expect((await logs.read(1, 9, 'cuda SAID')).map((one) => one.line)).toEqual([5, 10, 15, 20]);
    expect((await logs.read(1, 2, 'cuda')).map((one) => one.line)).toEqual([15, 20]);
    expect(await logs.read(1, 9, 'rocm')).toEqual([]);
    expect(await logs.read(7, 9)).toEqual([]);
  });

  it('reads what was written before lines had numbers', async () => {
    await using directory = await temporaryDirectory();
    const logs = new AttemptLogs(directory.path, '.');
    await writeFile(logs.path(1), '-\tstdout\ta\tb\n2026-11-20T10:00:00.000Z\tstderr\tc\n');
    expect(await logs.read(1, 9)).toEqual([
      { line: 1, at: null, stream: 'stdout', text: 'a\tb' },
      { line: 2, at, stream: 'stderr', text: 'c' },
    ]);
  });

  it('keeps neither keys nor colours', () => {
    const buffer = new LogBuffer('/nowhere/at/all.log');
    expect(buffer.push(line(1, '\u001B[31mBearer abc.def\u001B[0m'))?.text).toBe('[redacted]');
  });

  it('stays small under a flood, in memory and on disk', async () => {
    await using directory = await temporaryDirectory();
    const path = `${directory.path}/1.log`;
    const buffer = new LogBuffer(path);
    for (let n = 1; n <= 3000; n += 1) buffer.push(line(n, 'x'.repeat(20_000)));
    const kept = buffer.tail(5000);
    expect(kept.reduce((sum, one) => sum + one.text.length, 0)).toBeLessThanOrEqual(4 * 1024 * 1024);
    expect(kept.at(-1)?.line).toBe(3000);
    await buffer.close();

    const file = new LogFile(`${directory.path}/2.log`, 10_000);
    for (let n = 1; n <= 2000; n += 1) {
      file.append({ ...line(n), line: n });
      if (n % 50 === 0) await file.flush();
    }
    await file.close();
    const lines: NumberedLine[] = [];
    for await (const one of readLogFile(`${directory.path}/2.log`)) lines.push(one);
    // The newest, without a hole, at most two segments of them.
    expect(lines.at(-1)?.line).toBe(2000);
    expect(lines.length).toBeLessThan(900);
    expect(lines.map((one) => one.line)).toEqual(lines.map((_one, index) => (lines[0]?.line ?? 0) + index));
    const next = await LogBuffer.open(`${directory.path}/2.log`);
    expect(next.push(line(2001))?.line).toBe(2001);
    await next.close();
  });
});
