import { z } from 'zod';

/**
 * The task taxonomy. A task has one category, which nobody can set otherwise, and the slot capability that can run it:
 * null where no local runtime of ours can. A new task is a row here.
 */
export const TASKS = {
  llm: { category: 'generative', capability: 'llm_inference' },
  embeddings: { category: 'predictive', capability: 'embeddings' },
  rerank: { category: 'predictive', capability: 'rerank' },
  classification: { category: 'predictive', capability: null },
  moderation: { category: 'predictive', capability: null },
  regression: { category: 'predictive', capability: null },
  translation: { category: 'generative', capability: null },
  speech_to_text: { category: 'predictive', capability: null },
  vision: { category: 'predictive', capability: null },
  ocr: { category: 'predictive', capability: null },
  object_detection: { category: 'predictive', capability: null },
  image_plate_detection: { category: 'predictive', capability: null },
  image_plate_ocr: { category: 'predictive', capability: null },
  image_captioning: { category: 'predictive', capability: null },
  image_text_to_image: { category: 'generative', capability: null },
} as const satisfies Record<string, { category: Category; capability: Capability | null }>;

export const CategorySchema = z.enum(['generative', 'predictive']);
export type Category = z.infer<typeof CategorySchema>;

export const TaskKeySchema = z.enum(Object.keys(TASKS) as [keyof typeof TASKS, ...(keyof typeof TASKS)[]]);
export type TaskKey = z.infer<typeof TaskKeySchema>;

export const CapabilitySchema = z.enum(['llm_inference', 'embeddings', 'rerank']);
export type Capability = z.infer<typeof CapabilitySchema>;

/** The slot capability that a task needs; null when no local runtime can do it. */
export function capabilityOf(task: TaskKey): Capability | null {
  return TASKS[task].capability;
}

/** The tasks that a capability can run. */
export function tasksOf(capability: Capability): TaskKey[] {
  return TaskKeySchema.options.filter((task) => TASKS[task].capability === capability);
}
