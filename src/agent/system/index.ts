export { systemRoutes } from './routes.ts';
export { VERSION } from './version.ts';
