import { describe, expect, it } from 'vitest';
import { AppError } from '../../../shared/contract/index.ts';
import { dockerError } from './docker-errors.ts';

/** As dockerode hands on what the engine said; the sentences are those of real engines. */
const said = (message: string, statusCode = 500): Error =>
  Object.assign(new Error(`(HTTP code ${statusCode}) ${message}`), { statusCode, json: { message } });
const socket = (code: string): Error => Object.assign(new Error(`connect ${code}`), { code });

describe('what Docker says', () => {
  it.each([
    ['No such image: llama.cpp:server', 'image_missing', /llama\.cpp:server/],
    ['could not select device driver "nvidia" with capabilities: [[gpu]]', 'gpu_runtime_missing', /toolkit/],
    ['unknown or invalid runtime name: nvidia', 'gpu_runtime_missing', /toolkit/],
    [
      'CDI device injection failed: unresolvable CDI devices nvidia.com/gpu=all',
      'gpu_runtime_missing',
      /toolkit/,
    ],
    [
      'invalid mount config for type "bind": bind source path does not exist: /models/x',
      'model_files_missing',
      /\/models\/x/,
    ],
    ['something new', 'runtime_unavailable', /something new/],
  ] as const)('%s: %s', (message, code, words) => {
    expect(dockerError(said(message), '/run/docker.sock')).toMatchObject({
      code,
      message: expect.stringMatching(words),
    });
  });

  it.each(['ENOENT', 'ECONNREFUSED', 'EACCES', 'ECONNRESET'])('%s is an engine out of reach', (code) => {
    expect(dockerError(socket(code), '/run/docker.sock')).toMatchObject({
      code: 'runtime_unavailable',
      details: { reason: 'docker_unreachable', where: '/run/docker.sock' },
    });
  });

  it('keeps what is ours', () => {
    const ours = new AppError('conflict', 'It changed.');
    expect(dockerError(ours, 'x')).toBe(ours);
  });
});
