import type { GpuProcess } from './readings.ts';
import { bytesOf, intOf, textOf } from './values.ts';

/** A part of a card that is a GPU of its own to programs. */
export interface MigDevice {
  readonly uuid: string;
  readonly parentUuid: string;
  readonly parentIndex: number;
  /** Its place on the card. */
  readonly index: number;
  /** `3g.20gb`, `1c.3g.20gb`, `1g.10gb+me`. */
  readonly profile: string;
}

export interface MigReading {
  readonly uuid: string;
  readonly memoryTotalBytes: number | null;
  readonly memoryUsedBytes: number | null;
  readonly memoryFreeBytes: number | null;
  readonly memoryReservedBytes: number | null;
}

const CARD_LINE = /^GPU (\d+): .*\(UUID: (GPU-[^)\s]+)\)/;
const MIG_LINE = /^\s+MIG (\S+)\s+Device\s+(\d+): \(UUID: (MIG-[^)\s]+)\)/;

/** UUIDs of the cards in the answer of `nvidia-smi -L`. Pure. */
export function cardsInList(list: string): string[] {
  return list.split('\n').flatMap((line) => CARD_LINE.exec(line)?.[2] ?? []);
}

/** Instances in the answer of `nvidia-smi -L`, the only place that names their UUIDs. Pure. */
export function migDevicesOf(list: string): MigDevice[] {
  const found: MigDevice[] = [];
  let parent: { index: number; uuid: string } | null = null;
  for (const line of list.split('\n')) {
    const card = CARD_LINE.exec(line);
    if (card?.[1] !== undefined && card[2] !== undefined) parent = { index: Number(card[1]), uuid: card[2] };
    const device = MIG_LINE.exec(line);
    if (device === null || parent === null) continue;
    const [, profile = '', index = '', uuid = ''] = device;
    found.push({ uuid, parentUuid: parent.uuid, parentIndex: parent.index, index: Number(index), profile });
  }
  return found;
}

/** What `nvidia-smi -q -x` says beyond the queries: CUDA's version, and memory and processes of MIG instances. */
export interface FullReport {
  readonly cudaVersion: string | null;
  readonly instances: readonly MigReading[];
  /** Processes on MIG instances; those on whole cards come with the query of processes. */
  readonly processes: readonly GpuProcess[];
}

/** Pure. The XML is a driver's, flat and without attributes that matter; instances are found by card and place. */
export function fullReportOf(xml: string, devices: readonly MigDevice[]): FullReport {
  const instances: MigReading[] = [];
  const processes: GpuProcess[] = [];
  for (const card of blocks(xml, 'gpu')) {
    const uuid = element(card, 'uuid');
    /** UUIDs by `<GPU instance>/<compute instance>`, as processes name them. */
    const byInstance = new Map<string, string>();
    for (const block of blocks(card, 'mig_device')) {
      const place = intOf(element(block, 'index'));
      const device = devices.find(({ parentUuid, index }) => parentUuid === uuid && index === place);
      if (device === undefined) continue;
      byInstance.set(instanceKey(block), device.uuid);
      const memory = blocks(block, 'fb_memory_usage')[0] ?? '';
      instances.push({
        uuid: device.uuid,
        memoryTotalBytes: bytesOf(element(memory, 'total')),
        memoryUsedBytes: bytesOf(element(memory, 'used')),
        memoryFreeBytes: bytesOf(element(memory, 'free')),
        memoryReservedBytes: bytesOf(element(memory, 'reserved')),
      });
    }
    for (const block of blocks(card, 'process_info')) {
      const on = byInstance.get(instanceKey(block));
      const pid = intOf(element(block, 'pid'));
      if (on === undefined || pid === null) continue;
      processes.push({
        uuid: on,
        pid,
        name: textOf(element(block, 'process_name')) ?? 'unknown',
        memoryUsedBytes: bytesOf(element(block, 'used_memory')),
      });
    }
  }
  return { cudaVersion: textOf(element(xml, 'cuda_version')), instances, processes };
}

const instanceKey = (block: string): string =>
  `${element(block, 'gpu_instance_id') ?? ''}/${element(block, 'compute_instance_id') ?? ''}`;

function blocks(xml: string, tag: string): string[] {
  return [...xml.matchAll(new RegExp(`<${tag}(?: [^>]*)?>([\\s\\S]*?)</${tag}>`, 'g'))].map(
    ([, inner]) => inner ?? '',
  );
}

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function element(xml: string, tag: string): string | undefined {
  return new RegExp(`<${tag}>([^<]*)</${tag}>`)
    .exec(xml)?.[1]
    ?.trim()
    .replaceAll(/&(lt|gt|amp|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '');
}
