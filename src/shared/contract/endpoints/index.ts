import type { Endpoint } from '../endpoint.ts';
import { NODE_ENDPOINTS } from './node.ts';
import { ACCESS_ENDPOINTS } from './access.ts';
import { MODELS_ENDPOINTS } from './models.ts';
import { JOBS_ENDPOINTS } from './jobs.ts';
import { SLOTS_ENDPOINTS } from './slots.ts';
import { GATEWAY_ENDPOINTS } from './gateway.ts';

/** Every route of the agent, by id. */
export const ENDPOINTS = {
  ...NODE_ENDPOINTS,
  ...ACCESS_ENDPOINTS,
  ...MODELS_ENDPOINTS,
  ...JOBS_ENDPOINTS,
  ...SLOTS_ENDPOINTS,
  ...GATEWAY_ENDPOINTS,
} as const satisfies Record<string, Endpoint>;

export type Endpoints = typeof ENDPOINTS;
