import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Hardware } from '../../shared/contract/index.ts';

type UnsupportedGpu = Hardware['unsupported_gpus'][number];

/** Graphics as the system reports them, before anybody judges them. */
export interface FoundGraphics {
  readonly vendor: string;
  readonly name: string;
  readonly memoryBytes: number | null;
}

const MIB = 1024 ** 2;

/** Makers whose graphics compute, and what a person should know of them here. Others show pictures only. */
const REASONS: readonly (readonly [RegExp, vendor: string, reason: string])[] = [
  [
    /amd|advanced micro|ati tech/i,
    'AMD',
    'Slots run on NVIDIA GPUs and on the processor. For ROCm, make a runtime spec with a ROCm image; its GPU is not measured.',
  ],
  [/intel/i, 'Intel', 'Slots run on NVIDIA GPUs and on the processor.'],
  [
    /apple/i,
    'Apple',
    'Containers on a Mac cannot reach the GPU. The embedded runtime computes on the processor.',
  ],
];

/** Graphics that no slot can use, with the reason; NVIDIA's are told elsewhere, virtual screens nowhere. Pure. */
export function unsupportedGraphics(found: readonly FoundGraphics[]): UnsupportedGpu[] {
  return found.flatMap(({ vendor, name, memoryBytes }) => {
    const known = REASONS.find(([pattern]) => pattern.test(`${vendor} ${name}`));
    return known === undefined || /nvidia/i.test(vendor)
      ? []
      : [{ vendor: known[1], name, memory_total_bytes: memoryBytes, reason: known[2] }];
  });
}

/**
 * The graphics of this machine. On Linux from /sys and the list of PCI names: systeminformation would run lspci and
 * nvidia-smi and wait for both, which stops an agent whose driver hangs.
 */
export async function readGraphics(): Promise<FoundGraphics[]> {
  if (process.platform === 'linux') return linuxGraphics();
  const { graphics } = await import('systeminformation');
  const { controllers } = await graphics();
  return controllers.map(({ vendor, model, vram }) => ({
    vendor: vendor === '' ? (model.split(' ', 1)[0] ?? '') : vendor,
    name: model,
    memoryBytes: typeof vram === 'number' && vram > 0 ? vram * MIB : null,
  }));
}

const VENDORS: Readonly<Record<string, string>> = { '1002': 'AMD', '8086': 'Intel', '10de': 'NVIDIA' };
const NAME_LISTS = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids'];

/** @param root where the system shows its PCI devices; tests bring their own */
export async function linuxGraphics(
  root = '/sys/bus/pci/devices',
  nameLists: readonly string[] = NAME_LISTS,
): Promise<FoundGraphics[]> {
  const found: FoundGraphics[] = [];
  for (const device of await readdir(root).catch(() => [])) {
    const read = async (file: string): Promise<string> =>
      (await readFile(join(root, device, file), 'utf8').catch(() => '')).trim();
    // Display controllers are 03xxxx.
    if (!(await read('class')).startsWith('0x03')) continue;
    const vendorId = (await read('vendor')).replace('0x', '');
    const deviceId = (await read('device')).replace('0x', '');
    const vendor = VENDORS[vendorId];
    if (vendor === undefined) continue;
    const product = await read('product_name');
    const memory = Number((await read('mem_info_vram_total')) || Number.NaN);
    const name = product === '' ? await pciName(vendorId, deviceId, nameLists) : product;
    found.push({
      vendor,
      name: name ?? `${vendor} graphics (${vendorId}:${deviceId})`,
      memoryBytes: Number.isFinite(memory) ? memory : null,
    });
  }
  return found;
}

async function pciName(vendorId: string, deviceId: string, lists: readonly string[]): Promise<string | null> {
  for (const list of lists) {
    const text = await readFile(list, 'utf8').catch(() => '');
    const start = text.indexOf(`\n${vendorId}  `);
    if (start < 0) continue;
    const after = text.slice(start + 1);
    const ends = /\n[0-9a-f]{4} {2}/.exec(after)?.index ?? after.length;
    const name = new RegExp(`\\n\\t${deviceId}  (.+)`).exec(after.slice(0, ends))?.[1];
    if (name !== undefined) return name;
  }
  return null;
}
