import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { temporaryDirectory, type TemporaryDirectory } from '../../../test/support/temporary.ts';
import { defaultDataDir, loadConfig } from './config.ts';
import { refused } from '../../../test/support/refusals.ts';

let directory: TemporaryDirectory;
beforeEach(async () => {
  directory = await temporaryDirectory();
  return () => directory[Symbol.asyncDispose]();
});

describe('the configuration', () => {
  const env = {
    MODELOPS_DATA_DIR: '/env',
    DOCKER_HOST: 'unix:///env.sock',
    MODELOPS_NVIDIA_SMI: '/env/nvidia-smi',
    MODELOPS_PROFILE: 'offline',
  };

  it('takes the command line over the environment over the file', async () => {
    const file = join(directory.path, 'c.yaml');
    await writeFile(file, 'data_dir: /file\nport: 1\nhost: 127.0.0.1\nlog_level: debug\nprofile: online\n');
    const config = await loadConfig({ argv: { port: 2 }, env, file });
    expect(config).toMatchObject({
      dataDir: '/env',
      port: 2,
      logLevel: 'debug',
      dockerHost: 'unix:///env.sock',
      nvidiaSmi: '/env/nvidia-smi',
      profile: { profile: 'offline', source: 'environment' },
    });
    expect(Object.isFrozen(config)).toBe(true);
  });

  it('reads config.yaml of the data directory when there is one', async () => {
    await writeFile(join(directory.path, 'config.yaml'), 'port: 9');
    expect((await loadConfig({ argv: { data_dir: directory.path }, env: {} })).port).toBe(9);
  });

  it.each([
    ['an unknown key', 'prot: 1', 'prot'],
    ['a wrong value', 'port: 70000', 'port'],
    ['a wrong profile', 'profile: away', 'profile'],
  ])('refuses %s and names it', async (_name, text, field) => {
    const file = join(directory.path, 'c.yaml');
    await writeFile(file, text);
    expect(await refused(loadConfig({ argv: {}, env: {}, file }))).toMatchObject({
      code: 'invalid_argument',
      details: { fields: [field] },
    });
  });

  it('knows the way out for https, from the environment or the file', async () => {
    const load = async (more: NodeJS.ProcessEnv) =>
      (await loadConfig({ argv: { data_dir: directory.path }, env: more })).proxy;
    expect(await load({})).toEqual({ httpsProxy: null, noProxy: [] });
    expect(
      await load({ HTTPS_PROXY: 'http://proxy:3128', NO_PROXY: 'localhost, .inside.example,,10.0.0.0/8' }),
    ).toEqual({ httpsProxy: 'http://proxy:3128', noProxy: ['localhost', '.inside.example', '10.0.0.0/8'] });
    expect(await load({ https_proxy: 'https://proxy:443' })).toMatchObject({
      httpsProxy: 'https://proxy:443',
    });
    expect(await refused(load({ HTTPS_PROXY: 'socks5://proxy:1080' }))).toMatchObject({
      code: 'invalid_argument',
      details: { fields: ['https_proxy'] },
    });
  });

  it('lets other machines in only with TLS and a name', async () => {
    const load = (argv: object) => loadConfig({ argv: { data_dir: directory.path, ...argv }, env: {} });
    expect(await refused(load({ host: '0.0.0.0' }))).toMatchObject({ details: { fields: ['host'] } });
    expect(await refused(load({ host: '0.0.0.0', insecure: true }))).toMatchObject({
      details: { fields: ['allowed_hosts'] },
    });
    expect(await refused(load({ tls_cert: 'x' }))).toMatchObject({ code: 'invalid_argument' });
    expect((await load({ host: '0.0.0.0', insecure: true, allowed_hosts: ['box'] })).host).toBe('0.0.0.0');
  });

  it.each([
    ['linux', { XDG_DATA_HOME: '/x' }, '/x/modelops-node'],
    ['win32', { LOCALAPPDATA: '/local' }, '/local/ModelOps Node'],
  ] as const)('keeps its data on %s where people expect it', (platform, variables, path) => {
    expect(defaultDataDir(variables, platform)).toBe(path);
  });
});
