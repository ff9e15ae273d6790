export { DockerEngine, type ContainerInfo } from './docker-engine.ts';
export type { ContainerExec, ExecOptions } from './docker-exec.ts';
export { findDockerHost } from './docker-host.ts';
