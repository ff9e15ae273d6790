import { z } from 'zod';
import type { Endpoint } from '../endpoint.ts';
import { TimeSchema } from '../resources/index.ts';
import { NOT_FOUND } from './parts.ts';

const ViewSchema = z.object({
  name: z.string(),
  place: z.string(),
  query: z.string(),
  updated_at: TimeSchema,
});
const ViewName = z.strictObject({ name: z.string().trim().min(1).max(64) });

/** Saved views of lists. Each belongs to who saved it. */
export const VIEWS_ENDPOINTS = {
  listViews: {
    method: 'GET',
    path: '/v1/modelops/views',
    tag: 'views',
    summary: 'My saved views',
    role: 'user',
    status: 200,
    response: z.object({ views: z.array(ViewSchema) }),
    errors: [],
  },
  putView: {
    method: 'PUT',
    path: '/v1/modelops/views/:name',
    tag: 'views',
    summary: 'Save a view of a list under a name',
    role: 'user',
    params: ViewName,
    body: z.strictObject({ place: z.enum(['models']).default('models'), query: z.string().max(2048) }),
    status: 200,
    response: z.object({ view: ViewSchema }),
    errors: [],
  },
  deleteView: {
    method: 'DELETE',
    path: '/v1/modelops/views/:name',
    tag: 'views',
    summary: 'Forget a saved view',
    role: 'user',
    params: ViewName,
    status: 200,
    response: z.object({ deleted: z.literal(true), name: z.string() }),
    errors: NOT_FOUND,
  },
} as const satisfies Record<string, Endpoint>;
