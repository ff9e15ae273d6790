import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { temporaryDirectory } from '../../../test/support/temporary.ts';
import { isOn } from './bus-id.ts';
import { linuxGraphics, unsupportedGraphics } from './graphics.ts';
import { disksOf } from './hardware.ts';
import { containerOf } from './process-owner.ts';
import { affordable, GPU_TIMING, retryAfter } from './timing.ts';
import { xidOf } from './xid.ts';

const ID = 'a'.repeat(64);

describe('the container of a process', () => {
  it.each([
    ['cgroup v1', `12:memory:/docker/${ID}\n11:cpu:/docker/${ID}\n`],
    ['cgroup v2 with systemd', `0::/system.slice/docker-${ID}.scope\n`],
    ['cgroup v2 with cgroupfs', `0::/docker/${ID}\n`],
    ['a process group inside', `0::/docker/${ID}/init\n`],
    ['rootless', `0::/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope\n`],
    ['a name with a colon', `9:name=a:b:/x:y/docker/${ID}\n`],
  ])('%s', (_name, text) => {
    expect(containerOf(text)).toBe(ID);
  });

  it.each(['', '0::/\n', '0::/user.slice/user-1000.slice/session-2.scope\n', `0::/docker/${ID}ff\n`])(
    'none in %j',
    (text) => {
      expect(containerOf(text)).toBeNull();
    },
  );
});

describe('XID errors', () => {
  const record = (text: string): string => `4,1234,90000000,-;${text}`;

  it('are read from a record of the kernel', () => {
    expect(
      xidOf(
        record(
          "NVRM: Xid (PCI:0000:41:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
        ),
        1000,
      ),
    ).toEqual({
      at: 91_000,
      busId: '0000:41:00',
      code: 79,
      message:
        "XID 79: the GPU has fallen off the bus (pid='<unknown>', name=<unknown>, GPU has fallen off the bus.)",
    });
    expect(xidOf(record('NVRM: Xid (PCI:0000:0A:00): 999'), 0)).toMatchObject({
      code: 999,
      message: 'XID 999',
    });
    expect(
      xidOf(record(`NVRM: Xid (PCI:0000:0A:00): 31, ${'x'.repeat(900)}`), 0)?.message.length,
    ).toBeLessThan(310);
  });

  it.each(['NVRM: loading NVIDIA UNIX', 'Xid (PCI:0000:41:00): 79', ''])('are not in %j', (text) => {
    expect(xidOf(record(text), 0)).toBeNull();
  });

  it('are put to the card by its place, however it is written', () => {
    expect(isOn('00000000:41:00.0', '0000:41:00')).toBe(true);
    expect(isOn('0000000F:01:00.0', '000F:01:00')).toBe(true);
    expect(isOn('00000000:0A:00.0', '0000:0a:00.0')).toBe(true);
    expect(isOn('00000000:41:00.0', '0000:42:00')).toBe(false);
    expect(isOn('00010000:41:00.0', '0000:41:00')).toBe(false);
    expect([isOn(null, '0000:41:00'), isOn('00000000:41:00.0', null)]).toEqual([false, false]);
  });
});

describe('the interval', () => {
  it.each([
    [1000, null, 1000],
    [1000, 5, 1000],
    [1000, 12, 1000],
    [1000, 21, 2100],
    [15_000, 100, 15_000],
    [15_000, 300, 30_000],
  ])('wanted every %i ms at a cost of %s ms is %i ms', (wanted, cost, interval) => {
    expect(affordable(wanted, cost)).toBe(interval);
  });

  it('between tries grows up to a minute', () => {
    expect([1, 2, 3, 6, 7, 100].map((failures) => retryAfter(GPU_TIMING, failures))).toEqual([
      1000, 2000, 4000, 32_000, 60_000, 60_000,
    ]);
  });
});

describe('the rest of the machine', () => {
  const disk = (mount: string, fs: string, type = 'ext4', size = 100) => ({
    mount,
    fs,
    type,
    size,
    available: size / 2,
  });

  it('has each disk once, and says which holds the models', () => {
    const found = [
      disk('/', '/dev/sda1'),
      disk('/run', 'tmpfs', 'tmpfs'),
      disk('/data', '/dev/sdb1', 'xfs'),
      disk('/snap', '/dev/sdb1', 'xfs'),
      disk('/database', '/dev/sdc1'),
      disk('/empty', '/dev/sdd1', 'ext4', 0),
    ];
    const disks = disksOf(found, '/data/modelops/store');
    expect(disks.map(({ mount, holds_models: holds }) => [mount, holds])).toEqual([
      ['/', false],
      ['/data', true],
      ['/database', false],
    ]);
    expect(disksOf([disk('/', 'overlay', 'overlay')], '/root/store')).toMatchObject([{ holds_models: true }]);
  });

  it('has graphics that no slot can use, with the reason', () => {
    const found = [
      { vendor: 'Advanced Micro Devices, Inc. [AMD/ATI]', name: 'Navi 31', memoryBytes: 24 },
      { vendor: 'Intel', name: 'UHD Graphics 770', memoryBytes: null },
      { vendor: 'Apple', name: 'Apple M4 Max', memoryBytes: null },
      { vendor: 'NVIDIA', name: 'GeForce', memoryBytes: 1 },
      { vendor: 'ASPEED', name: 'AST2500', memoryBytes: null },
    ];
    expect(unsupportedGraphics(found).map(({ vendor, name }) => [vendor, name])).toEqual([
      ['AMD', 'Navi 31'],
      ['Intel', 'UHD Graphics 770'],
      ['Apple', 'Apple M4 Max'],
    ]);
    for (const { reason } of unsupportedGraphics(found)) expect(reason).toMatch(/\.$/);
  });

  it('is read from the bus on Linux, with names where there is a list of them', async () => {
    await using directory = await temporaryDirectory();
    const device = async (place: string, files: Readonly<Record<string, string>>): Promise<void> => {
      await mkdir(join(directory.path, 'pci', place), { recursive: true });
      for (const [name, text] of Object.entries(files))
        await writeFile(join(directory.path, 'pci', place, name), `${text}\n`);
    };
    await device('0000:00:02.0', { class: '0x030000', vendor: '0x8086', device: '0x4680' });
    await device('0000:03:00.0', {
      class: '0x030000',
      vendor: '0x1002',
      device: '0x744c',
      mem_info_vram_total: '25753026560',
    });
    await device('0000:04:00.0', { class: '0x010802', vendor: '0x144d', device: '0xa80a' });
    const list = join(directory.path, 'pci.ids');
    await writeFile(
      list,
      '# names\n1002  Advanced Micro Devices\n\t744c  Navi 31 [Radeon RX 7900 XT]\n8086  Intel\n\t0000  X\n',
    );
    expect(await linuxGraphics(join(directory.path, 'pci'), [list])).toEqual([
      { vendor: 'Intel', name: 'Intel graphics (8086:4680)', memoryBytes: null },
      { vendor: 'AMD', name: 'Navi 31 [Radeon RX 7900 XT]', memoryBytes: 25_753_026_560 },
    ]);
  });
});
