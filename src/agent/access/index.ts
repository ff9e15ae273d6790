export { openAccess } from './access.ts';
export type { KeyUsage } from './keys.ts';
export { assertMay } from './authority.ts';
export { accessRoutes } from './routes.ts';
export { Visibility, visibilityCondition, type Viewer } from './visibility.ts';
