import { AppError } from '../../../shared/contract/index.ts';

interface DockerFailure extends Error {
  statusCode?: number;
  code?: string;
  json?: { message?: string };
}

/** What the engine or its socket says, in the words of the error table. */
export function dockerError(error: unknown, where: string): AppError {
  if (error instanceof AppError) return error;
  const failure = error as DockerFailure;
  const message = (failure.json?.message ?? failure.message ?? '').trim();
  const unreachable = (sentence: string, hint: string): AppError =>
    new AppError('runtime_unavailable', sentence, {
      hint,
      details: { reason: 'docker_unreachable', where },
      cause: error,
    });
  switch (failure.code) {
    case 'ENOENT':
      return unreachable(
        `There is no Docker engine at ${where}.`,
        'Install Docker, or start it, or name its socket in DOCKER_HOST.',
      );
    case 'ECONNREFUSED':
      return unreachable(`Docker does not answer at ${where}.`, 'Start the Docker service.');
    case 'EACCES':
    case 'EPERM':
      return unreachable(
        `This user may not use Docker at ${where}.`,
        'Add the user to the group docker, then sign in again.',
      );
    case 'ECONNRESET':
    case 'EPIPE':
    case 'ETIMEDOUT':
    case 'ENOTFOUND':
      return unreachable(`The connection to Docker at ${where} broke.`, 'Look at the Docker service.');
    default:
  }
  for (const [pattern, make] of MESSAGES) {
    if (pattern.test(message)) return make(message, error);
  }
  if (failure.name === 'AbortError')
    return new AppError('shutting_down', 'It was stopped.', { cause: error });
  return new AppError('runtime_unavailable', `Docker refused: ${message || 'unknown reason'}.`, {
    details: { status: failure.statusCode ?? null },
    cause: error,
  });
}

const MESSAGES: readonly (readonly [RegExp, (message: string, cause: unknown) => AppError])[] = [
  [
    /no such image|No such image/,
    (message, cause) =>
      new AppError(
        'image_missing',
        `The image is not on this machine: ${message.replace(/^.*no such image:?\s*/i, '')}.`,
        { cause },
      ),
  ],
  [
    /could not select device driver .*gpu|Unknown runtime specified nvidia|unknown or invalid runtime name: nvidia|unresolvable CDI devices/i,
    (_message, cause) =>
      new AppError(
        'gpu_runtime_missing',
        'Docker cannot give a container the GPU: the NVIDIA container toolkit is missing.',
        { cause },
      ),
  ],
  [
    /bind source path does not exist/i,
    (message, cause) =>
      new AppError(
        'model_files_missing',
        `Docker does not see a directory of the agent: ${message.replace(/^.*does not exist:?\s*/i, '')}.`,
        {
          hint: 'The engine has to run on this machine and see the data directory.',
          cause,
        },
      ),
  ],
  [
    /no space left on device/i,
    (_message, cause) => new AppError('resource_exhausted', 'The disk of Docker is full.', { cause }),
  ],
  [
    /exec format error|no matching manifest/i,
    (_message, cause) =>
      new AppError('image_missing', 'The image is made for another kind of processor.', {
        hint: 'Use an image for this machine.',
        cause,
      }),
  ],
  [
    /executable file not found|no command specified/i,
    (message, cause) =>
      new AppError('runtime_bad_argument', `The image does not hold the program it shall start: ${message}`, {
        hint: 'Use an image of this engine.',
        cause,
      }),
  ],
];

export function isStatus(error: unknown, ...statuses: number[]): boolean {
  const { statusCode } = error as DockerFailure;
  return statusCode !== undefined && statuses.includes(statusCode);
}
