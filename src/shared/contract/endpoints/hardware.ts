import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { GpuEventSchema, GpuSampleSchema, GpusSchema, HardwareSchema } from '../resources/index.ts';
import { NOT_FOUND } from './parts.ts';

const GpuUuid = z.strictObject({ uuid: z.string().regex(/^(GPU|MIG)-[A-Za-z0-9/-]{1,120}$/) });

export const HARDWARE_ENDPOINTS = {
  listGpus: {
    method: 'GET',
    path: '/v1/gpus',
    tag: 'hardware',
    summary: 'NVIDIA GPUs as the driver reports them, or why there are none',
    role: 'admin',
    status: 200,
    response: GpusSchema,
    errors: [],
  },
  getGpuHistory: {
    method: 'GET',
    path: '/v1/gpus/:uuid/history',
    tag: 'hardware',
    summary: 'What a GPU did in the last hour or day, with what happened to it',
    role: 'admin',
    params: GpuUuid,
    query: z.strictObject({ window: z.enum(['1h', '24h']).default('1h') }),
    status: 200,
    response: z.object({
      uuid: z.string(),
      window: z.enum(['1h', '24h']),
      resolution_ms: z.int(),
      samples: z.array(GpuSampleSchema),
      events: z.array(GpuEventSchema),
    }),
    errors: NOT_FOUND,
  },
  getHardware: {
    method: 'GET',
    path: '/v1/hardware',
    tag: 'hardware',
    summary: 'Processor, memory, disks, and graphics that no slot can use',
    role: 'admin',
    status: 200,
    response: z.object({ hardware: HardwareSchema }),
    errors: [],
  },
} as const satisfies Record<string, Endpoint>;
