export { JsonObject, ROLE, TimeSchema } from './basics.ts';
export * from './tasks.ts';
export * from './configuration.ts';
export * from './models.ts';
export * from './jobs.ts';
export * from './slots.ts';
export * from './node.ts';
export * from './access.ts';
export * from './usage.ts';
