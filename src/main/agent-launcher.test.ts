import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { sharedFiles } from '../agent/kernel/agent-file.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { agentEnvironment, findProgram, launchAgent } from './agent-launcher.ts';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

describe('the program of the agent', () => {
  it('is what the app carries, outside its archive', () => {
    const packaged = { isPackaged: true, arch: 'x64', resourcesPath: '/app/resources' };
    expect(findProgram({ ...packaged, appPath: '/app/resources/app.asar', platform: 'linux' }, {})).toEqual({
      node: '/app/resources/node/bin/node',
      entry: '/app/resources/app.asar.unpacked/bin/modelops.mjs',
    });
    expect(
      findProgram({ ...packaged, appPath: '/app/resources/app', platform: 'win32' }, { MODELOPS_NODE: 'x' })
        .node,
    ).toBe(join('/app/resources/node', 'node.exe'));
  });

  it('is the pinned Node in a checkout, and the named one where none is pinned', () => {
    const checkout = { isPackaged: false, appPath: ROOT, resourcesPath: '/electron' };
    const found = findProgram({ ...checkout, platform: process.platform, arch: process.arch }, {});
    expect(existsSync(found.node)).toBe(true);
    expect(existsSync(found.entry)).toBe(true);
    const mac = { ...checkout, platform: 'darwin', arch: 'arm64' } as const;
    expect(findProgram(mac, { MODELOPS_NODE: '/opt/node' }).node).toBe('/opt/node');
  });

  it('gets our environment without what was meant for Electron', () => {
    expect(
      agentEnvironment({
        PATH: '/bin',
        HTTPS_PROXY: 'http://proxy',
        MODELOPS_PROFILE: 'offline',
        ELECTRON_RUN_AS_NODE: '1',
        CHROME_DESKTOP: 'x',
        NODE_OPTIONS: '--inspect',
        npm_config_registry: 'x',
        MODELOPS_NODE: '/opt/node',
      }),
    ).toEqual({ PATH: '/bin', HTTPS_PROXY: 'http://proxy', MODELOPS_PROFILE: 'offline' });
  });
});

describe('a start', () => {
  const start = async (node: string, entry: string): Promise<unknown> => {
    await using directory = await temporaryDirectory();
    return await launchAgent({
      program: { node, entry },
      dataDir: directory.path,
      files: sharedFiles(directory.path),
      secretsKey: null,
      anyPort: true,
      env: process.env,
    });
  };

  it('without a program says which part is missing', async () => {
    expect(await start('/nowhere/node', ROOT)).toMatchObject({ exitCode: 'no-program' });
    expect(await start('', ROOT)).toMatchObject({
      message: 'The app lacks a part of itself: Node. Install it again.',
    });
  });

  it('of something else ends with its code', async () => {
    const entry = fileURLToPath(new URL('./app-menu.ts', import.meta.url));
    expect(await start(process.execPath, entry)).toMatchObject({ exitCode: 1, portTaken: false });
  });
});
