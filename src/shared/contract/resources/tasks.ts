import { z } from 'zod';

/** Known tasks and their category. More can be added without touching anything that reads them. */
export const TASKS = {
  llm: 'generative',
  embeddings: 'predictive',
  rerank: 'predictive',
} as const;
export const TaskKeySchema = z.enum(Object.keys(TASKS) as [keyof typeof TASKS, ...(keyof typeof TASKS)[]]);
export type TaskKey = z.infer<typeof TaskKeySchema>;

export const CapabilitySchema = z.enum(['llm_inference', 'embeddings', 'rerank']);
export type Capability = z.infer<typeof CapabilitySchema>;

/** The slot capability that a task needs. */
export const CAPABILITY_OF_TASK: Record<TaskKey, Capability> = {
  llm: 'llm_inference',
  embeddings: 'embeddings',
  rerank: 'rerank',
};
