import { z } from 'zod';
import { ROLES } from '../../lifecycle/index.ts';
import { ERROR_CODES } from '../errors.ts';

/** The shapes that travel: snake_case, ISO-8601 UTC times, bytes and milliseconds as integers. */

export const TimeSchema = z.iso.datetime();
export const NullableTime = TimeSchema.nullable();
export const Bytes = z.int().nonnegative();
export const JsonObject = z.record(z.string(), z.json());

const ErrorSchema = z.object({
  error: z.enum(ERROR_CODES),
  message: z.string(),
  hint: z.string().optional(),
  details: z.record(z.string(), z.unknown()).optional(),
  request_id: z.string(),
});

/** An error stored with a job or a slot: the same shape without a request. */
export const StoredErrorSchema = ErrorSchema.omit({ request_id: true });

export const ROLE = z.enum(ROLES);
