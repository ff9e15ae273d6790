/**
 * What is asked of nvidia-smi. Drivers differ in the fields they know, and one unknown field fails the whole query:
 * it is left out, or its older name is tried.
 */

export const STATIC_FIELDS = [
  'index',
  'uuid',
  'name',
  'pci.bus_id',
  'driver_version',
  'memory.total',
  'compute_cap',
  'mig.mode.current',
  'persistence_mode',
  'compute_mode',
] as const;
export type StaticField = (typeof STATIC_FIELDS)[number];

export const LIVE_FIELDS = [
  'timestamp',
  'index',
  'uuid',
  'memory.used',
  'memory.free',
  'memory.reserved',
  'utilization.gpu',
  'utilization.memory',
  'temperature.gpu',
  'temperature.memory',
  'power.draw',
  'power.limit',
  'clocks.sm',
  'clocks.mem',
  'fan.speed',
  'pstate',
  'ecc.errors.corrected.volatile.total',
  'ecc.errors.uncorrected.volatile.total',
  'clocks_event_reasons.active',
] as const;
export type LiveField = (typeof LIVE_FIELDS)[number];

export const PROCESS_FIELDS = ['gpu_uuid', 'pid', 'process_name', 'used_gpu_memory'] as const;
export type ProcessField = (typeof PROCESS_FIELDS)[number];

/** Without these a query makes no sense. */
const REQUIRED: ReadonlySet<string> = new Set(['index', 'uuid', 'gpu_uuid', 'pid']);
/** Renamed around driver 535. */
const OLDER_NAMES: Readonly<Record<string, string>> = {
  'clocks_event_reasons.active': 'clocks_throttle_reasons.active',
  used_gpu_memory: 'used_memory',
};

/** A field under the name that this driver knows it by. */
export interface AskedField<Field extends string = string> {
  readonly field: Field;
  readonly name: string;
}

export function askAll<Field extends string>(fields: readonly Field[]): AskedField<Field>[] {
  return fields.map((field) => ({ field, name: field }));
}

/** The field that nvidia-smi does not know; null when its text is about something else. */
export function unknownField(text: string): string | null {
  return /Field "([^"]+)" is not a valid field to query/.exec(text)?.[1] ?? null;
}

/** The query without a field, or with the older name of it; null when it cannot do without. Pure. */
export function withoutField<Field extends string>(
  asked: readonly AskedField<Field>[],
  unknown: string,
): AskedField<Field>[] | null {
  const at = asked.findIndex(({ name }) => name === unknown);
  const found = asked[at];
  if (found === undefined || REQUIRED.has(found.field)) return null;
  const older = OLDER_NAMES[found.field];
  return older === undefined || older === unknown
    ? asked.toSpliced(at, 1)
    : asked.with(at, { field: found.field, name: older });
}
