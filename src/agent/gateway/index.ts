export { ServingDirectory } from './directory.ts';
export { gatewayRoutes } from './routes.ts';
