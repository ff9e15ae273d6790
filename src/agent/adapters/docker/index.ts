export { DockerEngine, type ContainerInfo, type EngineInfo } from './docker-engine.ts';
export { findDockerHost } from './docker-host.ts';
