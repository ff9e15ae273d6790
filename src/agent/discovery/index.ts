export { CloudDiscovery } from './cloud-discovery.ts';
export { discoveryRoutes } from './routes.ts';
