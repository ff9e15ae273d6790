export * from './eligibility.ts';
export * from './model.ts';
export * from './states.ts';
export * from './roles.ts';
