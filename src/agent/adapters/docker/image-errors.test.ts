import { describe, expect, it } from 'vitest';
import { loadError, pullError, registryOf } from './image-errors.ts';

/** Sentences of real engines, as a status or in the middle of a stream. */
describe('what an engine says about a pull', () => {
  it.each([
    ['manifest for ghcr.io/a/b:1 not found: manifest unknown: manifest unknown', 'not_found'],
    [
      "pull access denied for a/b, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
      'not_found',
    ],
    ['unauthorized: authentication required', 'permission_denied'],
    ['Head "https://ghcr.io/v2/a/b/manifests/1": denied', 'permission_denied'],
    [
      'Get "https://registry-1.docker.io/v2/": dial tcp: lookup registry-1.docker.io: no such host',
      'upstream_failed',
    ],
    ['Get "http://127.0.0.1:9/v2/": dial tcp 127.0.0.1:9: connect: connection refused', 'upstream_failed'],
    ['net/http: TLS handshake timeout', 'upstream_failed'],
    ['unexpected EOF', 'upstream_failed'],
    ['toomanyrequests: You have reached your pull rate limit.', 'rate_limited'],
    ['no matching manifest for linux/arm64/v8 in the manifest list entries', 'image_missing'],
  ])('%s: %s', (message, code) => {
    expect(pullError(new Error(message), 'ghcr.io/a/b:1')).toMatchObject({ code });
  });

  it('leaves to others what is none of a registry', () => {
    expect(pullError(new Error('write /x: no space left on device'), 'a/b:1')).toBeNull();
  });

  it.each([
    ['ghcr.io/a/b:1', 'ghcr.io'],
    ['a/b', 'docker.io'],
    ['b:1', 'docker.io'],
    ['localhost/a', 'localhost'],
    ['127.0.0.1:5000/a:1', '127.0.0.1:5000'],
  ])('the registry of %s is %s', (reference, registry) => {
    expect(registryOf(reference)).toBe(registry);
  });
});

describe('what an engine says about a load', () => {
  it.each([
    'unexpected EOF',
    'archive/tar: invalid tar header',
    'open /var/lib/docker/tmp/docker-import-123/manifest.json: no such file or directory',
    'invalid diffID for layer 0: expected "sha256:0", got "sha256:1"',
  ])('%s', (message) => {
    const error = loadError(new Error(message), '/x.tar');
    expect(error).toMatchObject({ code: 'unsupported_format', details: { reason: 'broken_archive' } });
    expect(error?.message).not.toContain('docker-import');
  });

  it('leaves a full disk to others', () => {
    expect(loadError(new Error('no space left on device'), '/x.tar')).toBeNull();
  });
});
