export { validationRoutes } from './routes.ts';
export { HistoryStore } from './test-store.ts';
export { Validations } from './validation.ts';
