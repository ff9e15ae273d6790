export { DockerEngine, type ContainerInfo } from './docker-engine.ts';
export { findDockerHost } from './docker-host.ts';
