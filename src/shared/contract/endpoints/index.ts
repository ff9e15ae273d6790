import type { Endpoint } from '../endpoint.ts';
import { NODE_ENDPOINTS } from './node.ts';
import { ACCESS_ENDPOINTS } from './access.ts';
import { MODELS_ENDPOINTS } from './models.ts';
import { LIFECYCLE_ENDPOINTS } from './lifecycle.ts';
import { FAMILIES_ENDPOINTS } from './families.ts';
import { CREDENTIALS_ENDPOINTS } from './credentials.ts';
import { USAGE_ENDPOINTS } from './usage.ts';
import { VIEWS_ENDPOINTS } from './views.ts';
import { JOBS_ENDPOINTS } from './jobs.ts';
import { SLOTS_ENDPOINTS } from './slots.ts';
import { RUNTIMES_ENDPOINTS } from './runtimes.ts';
import { HARDWARE_ENDPOINTS } from './hardware.ts';
import { BENCHMARKS_ENDPOINTS } from './benchmarks.ts';
import { GATEWAY_ENDPOINTS } from './gateway.ts';

/** Every route of the agent, by id. */
export const ENDPOINTS = {
  ...NODE_ENDPOINTS,
  ...ACCESS_ENDPOINTS,
  ...CREDENTIALS_ENDPOINTS,
  ...MODELS_ENDPOINTS,
  ...LIFECYCLE_ENDPOINTS,
  ...FAMILIES_ENDPOINTS,
  ...VIEWS_ENDPOINTS,
  ...JOBS_ENDPOINTS,
  ...SLOTS_ENDPOINTS,
  ...RUNTIMES_ENDPOINTS,
  ...HARDWARE_ENDPOINTS,
  ...BENCHMARKS_ENDPOINTS,
  ...GATEWAY_ENDPOINTS,
  ...USAGE_ENDPOINTS,
} as const satisfies Record<string, Endpoint>;

export type Endpoints = typeof ENDPOINTS;

export { ADD_CLOUD_MODEL, BULK_ACTIONS, IMPORT_MODEL, MODEL_SORTS, VISIBILITY_SCOPES } from './models.ts';
export type { BulkAction, ModelInclude, VisibilityScope } from './models.ts';
