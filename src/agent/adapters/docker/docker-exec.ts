import type Docker from 'dockerode';
import type { Duplex } from 'node:stream';

/** A program run in a container under a terminal. */
export interface ContainerExec {
  /** What it prints, and what is typed. Ends with the program, or with the container. */
  readonly stream: Duplex;
  resize(columns: number, rows: number): Promise<void>;
  /** null while it runs, and when the engine no longer knows it. */
  exitCode(): Promise<number | null>;
}

export interface ExecOptions {
  readonly command: readonly string[];
  readonly env: readonly string[];
  readonly columns: number;
  readonly rows: number;
}

/** Starts it as the user of the container. @throws what the engine says. */
export async function startExec(
  docker: Docker,
  containerId: string,
  { command, env, columns, rows }: ExecOptions,
  signal: AbortSignal,
): Promise<ContainerExec> {
  const exec = await docker.getContainer(containerId).exec({
    Cmd: [...command],
    Env: [...env],
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    abortSignal: signal,
  });
  const stream = await exec.start({ hijack: true, stdin: true, Tty: true, abortSignal: signal });
  const resize = async (width: number, height: number): Promise<void> => {
    await exec.resize({ w: width, h: height });
  };
  // One that ended at once has no size; its output tells why.
  await resize(columns, rows).catch(() => undefined);
  return {
    stream,
    resize,
    exitCode: async () => {
      const { Running, ExitCode } = await exec.inspect();
      return Running ? null : ExitCode;
    },
  };
}
