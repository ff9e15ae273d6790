import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  CHECKPOINT,
  CHECKPOINT_THAT_RUNS,
  CONTAINER,
  CONTAINER_AS_TEXT,
  CONTAINERS_BY_MEMO,
  EVALUATES,
  RUNS_A_COMMAND,
} from '../../../test/support/pickles.ts';
import type { ByteSource } from './byte-source.ts';
import { scanPickle } from './pickle.ts';
import { listZip, readZipEntry } from './zip.ts';

const { signal } = new AbortController();
const source = (buffer: Buffer): ByteSource => ({
  size: buffer.length,
  read: (offset, length) => Promise.resolve(buffer.subarray(offset, offset + length)),
});

describe('a pickle', () => {
  it.each(RUNS_A_COMMAND.map((bytes, protocol) => [protocol, bytes] as const))(
    'of protocol %i tells what it calls',
    async (_protocol, bytes) => {
      expect(await scanPickle(bytes, signal)).toEqual({ globals: ['posix.system'], complete: true });
    },
  );

  it('tells names from the memo, and none that are only data', async () => {
    expect((await scanPickle(EVALUATES, signal)).globals).toEqual(['builtins.eval']);
    for (const bytes of [CONTAINER, CONTAINER_AS_TEXT])
      expect(await scanPickle(bytes, signal)).toEqual({
        globals: ['collections.OrderedDict'],
        complete: true,
      });
    expect((await scanPickle(CONTAINERS_BY_MEMO, signal)).globals).toEqual([
      'collections.OrderedDict',
      'collections.Counter',
    ]);
  });

  it('tells the calls of one behind another, and of one that breaks off after them', async () => {
    const both = Buffer.concat([CONTAINER, RUNS_A_COMMAND[2]!, Buffer.from('raw numbers')]);
    expect((await scanPickle(both, signal)).globals).toContain('posix.system');
    const broken = RUNS_A_COMMAND[4]!.subarray(0, -6);
    expect(await scanPickle(broken, signal)).toEqual({ globals: ['posix.system'], complete: false });
  });

  it('does not believe a name that was put under other things on the stack', async () => {
    // 'posix', 'system', 'collections', 'OrderedDict', two POP, STACK_GLOBAL: Python looks up posix.system.
    const text = (value: string): Buffer =>
      Buffer.concat([Buffer.from([0x8c, value.length]), Buffer.from(value)]);
    const hidden = Buffer.concat([
      Buffer.from([0x80, 4]),
      text('posix'),
      text('system'),
      text('collections'),
      text('OrderedDict'),
      Buffer.from('00'),
      Buffer.from([0x93]),
      Buffer.from('.'),
    ]);
    expect((await scanPickle(hidden, signal)).globals).toEqual(['?']);
  });

  it('comes to an end with any bytes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (noise) => {
        const { globals } = await scanPickle(Buffer.concat([Buffer.from([0x80, 4]), noise]), signal);
        expect(Array.isArray(globals)).toBe(true);
      }),
    );
  });
});

describe('a ZIP archive', () => {
  it('gives its entries, stored and deflated', async () => {
    for (const [archive, wanted] of [
      [CHECKPOINT_THAT_RUNS, 'posix.system'],
      [CHECKPOINT, 'collections.OrderedDict'],
    ] as const) {
      const entries = await listZip(source(archive), signal);
      const entry = entries?.find(({ name }) => name === 'archive/data.pkl');
      const bytes = await readZipEntry(source(archive), entry!, 1000, signal);
      expect((await scanPickle(bytes!, signal)).globals).toEqual([wanted]);
      expect(await readZipEntry(source(archive), entry!, 10, signal)).toBeNull();
    }
  });

  it('is none when it is cut off or damaged, and never a crash', async () => {
    expect(await listZip(source(CHECKPOINT.subarray(0, 80)), signal)).toBeNull();
    await fc.assert(
      fc.asyncProperty(fc.nat(CHECKPOINT.length - 1), fc.nat(255), async (at, value) => {
        const damaged = Buffer.from(CHECKPOINT);
        damaged[at] = value;
        for (const entry of (await listZip(source(damaged), signal)) ?? [])
          await readZipEntry(source(damaged), entry, 1000, signal);
      }),
    );
  });
});
