import { z } from 'zod';
import { Bytes, NullableTime, TimeSchema } from './basics.ts';

/** GPUs and the rest of the machine as the driver and the system report them. What is not reported is null, never 0. */

/** Why the driver holds a GPU's clocks down, in nvidia-smi's terms (`clocks_event_reasons.active`). */
export const THROTTLE_REASONS = [
  'idle',
  'application_clocks',
  'software_power_cap',
  'hardware_slowdown',
  'sync_boost',
  'software_thermal',
  'hardware_thermal',
  'power_brake',
  'display_clocks',
] as const;
export type ThrottleReason = (typeof THROTTLE_REASONS)[number];

const GpuProcessSchema = z.object({
  pid: z.int(),
  name: z.string(),
  memory_used_bytes: Bytes.nullable(),
  /** The slot whose container it runs in; null: not ours. */
  slot_id: z.string().nullable(),
});

/** XID errors, a GPU that was lost or came back, and throttling, as they were seen. */
export const GpuEventSchema = z.object({
  at: TimeSchema,
  gpu_uuid: z.string().nullable(),
  kind: z.enum(['xid', 'lost', 'returned', 'throttled', 'loaded', 'unloaded']),
  /** The number of an XID. */
  code: z.int().nullable(),
  message: z.string(),
});
export type GpuEvent = z.infer<typeof GpuEventSchema>;

export const GpuSchema = z.object({
  index: z.int(),
  uuid: z.string(),
  name: z.string(),
  /** The card of a MIG instance; null for a card. */
  parent_uuid: z.string().nullable(),
  mig_profile: z.string().nullable(),
  pci_bus_id: z.string().nullable(),
  driver_version: z.string().nullable(),
  compute_capability: z.string().nullable(),
  mig_mode: z.enum(['enabled', 'disabled']).nullable(),
  persistence_mode: z.boolean().nullable(),
  memory_total_bytes: Bytes.nullable(),
  memory_used_bytes: Bytes.nullable(),
  memory_free_bytes: Bytes.nullable(),
  memory_reserved_bytes: Bytes.nullable(),
  /** It computes in the machine's own memory and the driver reports none of its own. */
  unified_memory: z.boolean(),
  utilization_percent: z.number().nullable(),
  memory_utilization_percent: z.number().nullable(),
  temperature_celsius: z.number().nullable(),
  memory_temperature_celsius: z.number().nullable(),
  power_watts: z.number().nullable(),
  power_limit_watts: z.number().nullable(),
  fan_percent: z.number().nullable(),
  sm_clock_mhz: z.number().nullable(),
  memory_clock_mhz: z.number().nullable(),
  performance_state: z.string().nullable(),
  throttle_reasons: z.array(z.enum(THROTTLE_REASONS)),
  ecc_errors: z.object({ corrected: z.int().nullable(), uncorrected: z.int().nullable() }).nullable(),
  /** The last XID that the kernel's log has for it since the machine started. */
  last_xid: GpuEventSchema.nullable(),
  processes: z.array(GpuProcessSchema),
  /** Slots that name it, whether they hold a model or not. */
  slot_ids: z.array(z.string()),
  /** Whether a slot can use it, and if not, why: a card in MIG mode, a lost one. */
  usable: z.boolean(),
  unusable_reason: z.string().nullable(),
  observed_at: TimeSchema,
});
export type Gpu = z.infer<typeof GpuSchema>;

/** What is known of the driver as a whole. */
export const GpuDriverSchema = z.object({
  state: z.enum(['ok', 'absent', 'not_loaded', 'mismatch', 'no_devices', 'lost', 'hung', 'failed']),
  version: z.string().nullable(),
  cuda_version: z.string().nullable(),
});
export type GpuDriver = z.infer<typeof GpuDriverSchema>;

export const GpusSchema = z.object({
  gpus: z.array(GpuSchema),
  driver: GpuDriverSchema,
  /** Why there is no GPU or no figure, in a sentence; null when all is well. */
  reason: z.string().nullable(),
  /** The command or step that cures it. */
  hint: z.string().nullable(),
  /** Figures are taken this often now; null while nothing samples. */
  sampling_ms: z.int().nullable(),
  /** Why XID errors are not seen: the kernel's log cannot be read. null when they are, or when there is no GPU. */
  kernel_log: z.string().nullable(),
  observed_at: NullableTime,
});
export type Gpus = z.infer<typeof GpusSchema>;

export const GpuSampleSchema = z.object({
  at: TimeSchema,
  memory_used_bytes: Bytes.nullable(),
  utilization_percent: z.number().nullable(),
  temperature_celsius: z.number().nullable(),
  power_watts: z.number().nullable(),
  sm_clock_mhz: z.number().nullable(),
});
export type GpuSample = z.infer<typeof GpuSampleSchema>;

/** The machine besides NVIDIA's GPUs. */
export const HardwareSchema = z.object({
  cpu: z.object({
    model: z.string(),
    cores: z.int(),
    physical_cores: z.int().nullable(),
    load_percent: z.number().nullable(),
  }),
  memory: z.object({
    total_bytes: Bytes,
    available_bytes: Bytes,
    swap_total_bytes: Bytes.nullable(),
    swap_used_bytes: Bytes.nullable(),
  }),
  disks: z.array(
    z.object({
      mount: z.string(),
      device: z.string(),
      file_system: z.string(),
      total_bytes: Bytes,
      free_bytes: Bytes,
      holds_models: z.boolean(),
    }),
  ),
  /** Graphics of other makers: listed, but no slot can use them. */
  unsupported_gpus: z.array(
    z.object({
      vendor: z.string(),
      name: z.string(),
      memory_total_bytes: Bytes.nullable(),
      reason: z.string(),
    }),
  ),
  observed_at: TimeSchema,
});
export type Hardware = z.infer<typeof HardwareSchema>;
