import { toAppError } from '../shared/contract/index.ts';
import { dataDirPaths, inspectDatabase, lockDataDir, prepareDataDir } from '../agent/kernel/data-dir.ts';
import type { Check } from '../agent/system/doctor-check.ts';

/** What can be said of a data directory while no agent runs for it. */
export async function offlineChecks(dataDir: string): Promise<Check[]> {
  const paths = dataDirPaths(dataDir);
  const check = async (
    id: string,
    group: Check['group'],
    title: string,
    run: () => Promise<string>,
  ): Promise<Check> => {
    try {
      return { id, group, title, status: 'ok', found: await run(), wanted: null, hint: null };
    } catch (error) {
      const { message, hint } = toAppError(error);
      return { id, group, title, status: 'failed', found: message, wanted: null, hint };
    }
  };
  return [
    {
      id: 'agent',
      group: 'agent',
      title: 'Agent',
      status: 'failed',
      found: 'does not run',
      wanted: 'a running agent',
      hint: 'modelops serve',
    },
    await check('node', 'agent', 'Node.js', async () => process.versions.node),
    await check('data_dir', 'storage', 'Data directory', async () => {
      await prepareDataDir(paths);
      return paths.root;
    }),
    await check('lock', 'storage', 'Lock', async () => {
      (await lockDataDir(paths)).release();
      return 'free';
    }),
    await check('database', 'agent', 'Database', async () => {
      const { version, sizeBytes } = await inspectDatabase(paths);
      return version === 0 ? 'none yet' : `schema ${version}, ${sizeBytes} bytes`;
    }),
  ];
}
