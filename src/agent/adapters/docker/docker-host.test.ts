import { describe, expect, it } from 'vitest';
import { dockerClientOptions, type DockerHost } from './docker-host.ts';

describe('a docker client of a person', () => {
  it.each<[DockerHost, string[]]>([
    [{ kind: 'socket', path: '/var/run/docker.sock' }, []],
    [{ kind: 'socket', path: '//./pipe/docker_engine' }, []],
    [{ kind: 'socket', path: '/run/user/1000/docker.sock' }, ['-H', 'unix:///run/user/1000/docker.sock']],
    [{ kind: 'socket', path: '//./pipe/other' }, ['-H', 'npipe:////./pipe/other']],
    [{ kind: 'tcp', host: '10.0.0.4', port: 2375, tls: false }, ['-H', 'tcp://10.0.0.4:2375']],
    [{ kind: 'tcp', host: '::1', port: 2376, tls: true }, ['-H', 'tcp://[::1]:2376', '--tls']],
  ])('reaches %j with %j', (host, options) => {
    expect(dockerClientOptions(host)).toEqual(options);
  });
});
