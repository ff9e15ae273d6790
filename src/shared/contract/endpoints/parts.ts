import { z } from 'zod';
import { JobSchema, ModelSchema, SlotSchema } from '../resources/index.ts';
import { NameSchema } from '../identity.ts';

/** Building blocks of the rows. */

export const Id = z.strictObject({ id: NameSchema });
export const Name = z.strictObject({ name: NameSchema });

export const PAGE = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().max(512).optional(),
};
export const PageQuery = z.strictObject(PAGE);

/** Every list: `{ <plural>: [...], next_cursor }`. */
export const page = <K extends string, T extends z.ZodType>(plural: K, item: T) =>
  z.object({ [plural]: z.array(item), next_cursor: z.string().nullable() } as { [P in K]: z.ZodArray<T> } & {
    next_cursor: z.ZodNullable<z.ZodString>;
  });

/** `a,b` or a repeated parameter. */
export const oneOrMany = <T extends z.ZodType>(item: T) =>
  z.preprocess(
    (value) => (typeof value === 'string' ? value.split(',') : value),
    z.array(item).min(1).max(20),
  );

export const Flag = z.preprocess((value) => (value === '' ? '1' : value), z.stringbool());
export const Text = (max: number) => z.string().max(max);
/** Tags: no comma, no space at the start, no control characters. */
export const Tags = z.array(z.string().regex(/^[^\s,\p{C}][^,\p{C}]{0,127}$/u)).max(50);
export const AbsolutePath = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => !path.includes('\0') && (path.startsWith('/') || /^[a-zA-Z]:[\\/]/.test(path)), {
    message: 'Give an absolute path on the machine of the agent.',
  });

export const ModelAnswer = z.object({ model: ModelSchema });
export const JobAnswer = z.object({ job: JobSchema });
export const SlotAnswer = z.object({ slot: SlotSchema });

export const NOT_FOUND = ['not_found'] as const;
