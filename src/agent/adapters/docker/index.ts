export { DockerEngine, type ContainerInfo, type EngineInfo } from './docker-engine.ts';
export type { ContainerExec, ExecOptions } from './docker-exec.ts';
export { findDockerHost } from './docker-host.ts';
export { DockerImages, type EngineImage } from './docker-images.ts';
export { registryOf } from './image-errors.ts';
export type { EngineProgress } from './ndjson.ts';
