import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { problemOf } from './driver-state.ts';
import { askAll, LIVE_FIELDS, STATIC_FIELDS, unknownField, withoutField } from './fields.ts';
import { programCandidates } from './find-program.ts';
import { cardsInList, fullReportOf, migDevicesOf } from './mig.ts';
import { programEnvironment } from './program-call.ts';
import { cardOf, liveReadingOf, throttleReasonsOf } from './readings.ts';
import { TickReader, type Tick } from './tick-reader.ts';
import { bytesOf, numberOf, rowOf, textOf } from './values.ts';

const FIXTURES = fileURLToPath(new URL('../../../../test/fixtures/nvidia-smi/', import.meta.url));
const fixture = (path: string): string => readFileSync(`${FIXTURES}${path}`, 'utf8');
const MIB = 1024 ** 2;

describe('values of nvidia-smi', () => {
  it.each([
    '[N/A]',
    'N/A',
    '[Not Supported]',
    '[Not Found]',
    '[Unknown Error]',
    '[Insufficient Permissions]',
    '[GPU requires reset]',
    '[GPU is lost]',
    'ERR!',
    '',
  ])('%s is no value, never 0', (cell) => {
    expect([textOf(cell), numberOf(cell), bytesOf(cell)]).toEqual([null, null, null]);
  });

  it('are numbers with or without their unit', () => {
    expect([numberOf('0'), numberOf('31.42'), numberOf('40960 MiB')]).toEqual([0, 31.42, 40_960]);
    expect(bytesOf('24564')).toBe(24_564 * MIB);
    expect(bytesOf('-1')).toBeNull();
    expect(numberOf('none')).toBeNull();
  });

  it('may have the separator in a name, and nowhere else', () => {
    expect(rowOf('0, A, b, c, GPU-1', ['index', 'name', 'uuid'], 'name')).toEqual({
      index: '0',
      name: 'A, b, c',
      uuid: 'GPU-1',
    });
    expect(rowOf('0, A, b', ['index', 'uuid'])).toBeNull();
    expect(rowOf('0', ['index', 'uuid'], 'uuid')).toBeNull();
  });

  it.each([
    ['0x0000000000000000', []],
    ['0x0000000000000001', ['idle']],
    ['0x0000000000000068', ['hardware_slowdown', 'software_thermal', 'hardware_thermal']],
    ['0x0000000000000180', ['power_brake', 'display_clocks']],
    // A bit that nobody knows yet.
    ['0x8000000000000004', ['software_power_cap']],
    ['0x0000000000000a04', ['software_power_cap']],
    ['[N/A]', []],
    ['Active', []],
  ])('throttle reasons %s', (cell, reasons) => {
    expect(throttleReasonsOf(cell)).toEqual(reasons);
  });
});

describe('recordings', () => {
  const recorded = readdirSync(FIXTURES).filter((name) => readdirSync(FIXTURES + name).includes('gpus.csv'));

  it.each(recorded)('%s is understood whole', (name) => {
    const [head = '', ...lines] = fixture(`${name}/gpus.csv`).trim().split('\n');
    const fields = head.split(', ');
    for (const line of lines) {
      const row = rowOf(line, fields, 'name') as never;
      expect(cardOf(row)?.uuid).toMatch(/^GPU-/);
      expect(liveReadingOf(row)).toMatchObject({ lost: false, index: expect.any(Number) });
    }
    expect(cardsInList(fixture(`${name}/list.txt`))).toHaveLength(lines.length);
    expect(fullReportOf(fixture(`${name}/report.xml`), []).cudaVersion).toMatch(/^\d+\.\d$/);
  });

  it('tell memory that the machine shares from memory that cannot be read', () => {
    const card = (memory: string) =>
      cardOf({ index: '0', uuid: 'GPU-1', 'memory.total': memory })?.unifiedMemory;
    expect([card('[N/A]'), card('[Not Supported]'), card('24564')]).toEqual([true, true, false]);
    expect([card('[Unknown Error]'), card('[GPU requires reset]'), card('[GPU is lost]')]).toEqual([
      false,
      false,
      false,
    ]);
  });

  it('have MIG instances with their memory and processes', () => {
    const devices = migDevicesOf(fixture('mig/list.txt'));
    expect(devices.map(({ profile, index, parentIndex }) => [profile, index, parentIndex])).toEqual([
      ['3g.20gb', 0, 0],
      ['2g.10gb', 1, 0],
      ['1g.5gb', 2, 0],
    ]);
    const { instances, processes } = fullReportOf(fixture('mig/report.xml'), devices);
    expect(instances.map((one) => [one.memoryTotalBytes, one.memoryUsedBytes])).toEqual([
      [19_968 * MIB, 19_011 * MIB],
      [9856 * MIB, 13 * MIB],
      [4864 * MIB, 988 * MIB],
    ]);
    expect(processes).toEqual([
      { uuid: devices[0]?.uuid, pid: 30_501, name: 'VLLM::EngineCore', memoryUsedBytes: 18_980 * MIB },
      {
        uuid: devices[2]?.uuid,
        pid: 30_777,
        name: '/usr/bin/python3 -c "a < b"',
        memoryUsedBytes: 972 * MIB,
      },
    ]);
  });

  it('name instances as drivers before 470 did', () => {
    const list =
      'GPU 0: A100 (UUID: GPU-aa)\n  MIG 1c.3g.20gb Device 0: (UUID: MIG-GPU-aa/2/0)\n  MIG 1g.10gb+me  Device  1: (UUID: MIG-bb)\n';
    expect(migDevicesOf(list).map(({ uuid, profile }) => [uuid, profile])).toEqual([
      ['MIG-GPU-aa/2/0', '1c.3g.20gb'],
      ['MIG-bb', '1g.10gb+me'],
    ]);
  });
});

describe('a field that the driver does not know', () => {
  const unknown = (field: string): string => `Field "${field}" is not a valid field to query.\n\n`;

  it('is dropped, or asked for under its older name', () => {
    const asked = askAll(LIVE_FIELDS);
    expect(unknownField(unknown('memory.reserved'))).toBe('memory.reserved');
    expect(withoutField(asked, 'memory.reserved')?.map(({ name }) => name)).not.toContain('memory.reserved');
    const older = withoutField(asked, 'clocks_event_reasons.active');
    expect(older?.at(-1)).toEqual({
      field: 'clocks_event_reasons.active',
      name: 'clocks_throttle_reasons.active',
    });
    expect(withoutField(older ?? [], 'clocks_throttle_reasons.active')).toHaveLength(LIVE_FIELDS.length - 1);
  });

  it('ends the query when there is no sense without it', () => {
    expect(withoutField(askAll(STATIC_FIELDS), 'uuid')).toBeNull();
    expect(withoutField(askAll(STATIC_FIELDS), 'never.asked')).toBeNull();
    expect(unknownField('No devices were found')).toBeNull();
  });
});

describe('how nvidia-smi ends', () => {
  it.each([
    [
      18,
      'Failed to initialize NVML: Driver/library version mismatch\nNVML library version: 550.127',
      'mismatch',
    ],
    [255, 'Failed to initialize NVML: Driver/library version mismatch', 'mismatch'],
    [9, "NVIDIA-SMI has failed because it couldn't communicate with the NVIDIA driver.", 'not_loaded'],
    [9, '', 'not_loaded'],
    [6, 'No devices were found', 'no_devices'],
    [0, 'No devices were found', 'no_devices'],
    [
      15,
      'Unable to determine the device handle for GPU 0000:41:00.0: GPU is lost.  Reboot the system',
      'lost',
    ],
    [255, 'Unable to determine the device handle for GPU0000:41:00.0: Unknown Error', 'lost'],
    [255, 'Failed to initialize NVML: Unknown Error', 'failed'],
    [4, 'Insufficient Permissions', 'failed'],
    [12, '', 'failed'],
    [14, 'WARNING: infoROM is corrupt at gpu 0000:01:00.0', 'failed'],
    [255, 'Failed to initialize NVML: GPU access blocked by the operating system', 'failed'],
    [1, 'surprise', 'failed'],
    [null, '', 'failed'],
  ] as const)('code %s, %j: %s', (code, text, state) => {
    const problem = problemOf({ code, text });
    expect(problem.state).toBe(state);
    expect(problem.reason).toMatch(/^[A-Zn].*\.$/);
    expect(problem.hint).toMatch(/\S/);
  });

  it('names the card that it is about', () => {
    const of = (text: string) => problemOf({ code: 15, text }).busId;
    expect(of('Unable to determine the device handle for GPU0000:41:00.0: GPU is lost.')).toBe(
      '0000:41:00.0',
    );
    expect(of('Unable to determine the device handle for GPU 00000000:41:00.0: GPU is lost.')).toBe(
      '00000000:41:00.0',
    );
    expect(of('GPU is lost.')).toBeUndefined();
  });
});

describe('a looping query', () => {
  const FIELDS = ['timestamp', 'index', 'uuid', 'memory.used'] as const;
  const line = (tick: number, index: number, used = '1'): string =>
    `2026/11/21 12:00:0${tick}.000, ${index}, GPU-${index}, ${used}\n`;

  function read(expected: number, chunks: readonly string[]) {
    const ticks: Tick[] = [];
    const garbage: string[] = [];
    const reader = new TickReader({
      fields: FIELDS,
      expected,
      onTick: (tick) => ticks.push(tick),
      onGarbage: (text) => garbage.push(text),
    });
    for (const chunk of chunks) reader.push(chunk);
    return { ticks: ticks.map((tick) => tick.map(({ index }) => index)), garbage };
  }

  it.each([
    ['one card', 1, [line(0, 0), line(1, 0)], [[0], [0]]],
    [
      'whole ticks in one chunk',
      2,
      [line(0, 0) + line(0, 1) + line(1, 0) + line(1, 1)],
      [
        [0, 1],
        [0, 1],
      ],
    ],
    ['lines broken anywhere', 2, (line(0, 0) + line(0, 1)).split(''), [[0, 1]]],
    ['a card that is gone, told with the next tick', 3, [line(0, 0), line(0, 2), line(1, 0)], [[0, 2]]],
    ['the first card gone', 2, [line(0, 1), line(1, 1), line(2, 1)], [[1], [1]]],
    ['Windows line ends', 1, [line(0, 0).replace('\n', '\r\n')], [[0]]],
  ])('%s', (_name, expected, chunks, ticks) => {
    expect(read(expected, chunks)).toEqual({ ticks, garbage: [] });
  });

  it('knows what is not of it', () => {
    const { ticks, garbage } = read(1, ['Welcome\n', line(0, 0), 'a, b, c, d\n', '\n', line(1, 0)]);
    expect(ticks).toEqual([[0], [0]]);
    expect(garbage).toEqual(['Welcome', 'a, b, c, d']);
    expect(read(1, ['x'.repeat(200_000)]).garbage).toHaveLength(1);
  });

  it('tells a card that says that it is lost', () => {
    const lost: boolean[] = [];
    const reader = new TickReader({
      fields: FIELDS,
      expected: 1,
      onTick: (tick) => lost.push(...tick.map((reading) => reading.lost)),
      onGarbage: () => undefined,
    });
    reader.push(line(0, 0, '[GPU is lost]') + line(1, 0, '[N/A]'));
    expect(lost).toEqual([true, false]);
  });
});

describe('the program', () => {
  it.each([
    [
      'linux',
      { PATH: '/a:/usr/bin' },
      ['/a/nvidia-smi', '/usr/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi'],
    ],
    ['linux', {}, ['/usr/bin/nvidia-smi', '/usr/lib/wsl/lib/nvidia-smi']],
    ['darwin', { PATH: '/bin' }, ['/bin/nvidia-smi']],
  ] as const)('is looked for on %s', (platform, env, paths) => {
    expect(programCandidates(platform, env)).toEqual(paths);
  });

  it('is looked for in both places of Windows', () => {
    const paths = programCandidates('win32', { SystemRoot: 'C:\\Windows' });
    expect(paths.every((path) => path.endsWith('nvidia-smi.exe'))).toBe(true);
    expect(paths.some((path) => path.includes('System32'))).toBe(true);
    expect(paths.some((path) => path.includes('NVSMI'))).toBe(true);
  });

  it('gets nothing of the environment that could be a secret', () => {
    const env = programEnvironment({
      PATH: '/bin',
      HF_TOKEN: 'hf_x',
      HTTPS_PROXY: 'http://u:p@h',
      HOME: '/h',
    });
    expect(env).toEqual({ PATH: '/bin', HOME: '/h', LC_ALL: 'C' });
  });
});
