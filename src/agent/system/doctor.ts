import { access, constants, statfs } from 'node:fs/promises';
import { toAppError } from '../../shared/contract/index.ts';
import type { DataDir } from '../kernel/data-dir.ts';
import type { Database } from '../kernel/database/database.ts';
import type { DatabaseMaintenance } from '../kernel/database/maintenance.ts';
import type { Secrets } from '../kernel/secrets.ts';
import type { RuntimeDriver, Slots, SpecRegistry } from '../runtimes/index.ts';
import { bad, ok, type Check, type CheckRow } from './doctor-check.ts';
import { GPU_CHECKS, type GpuCheckDeps } from './doctor-gpus.ts';

export interface DoctorDeps extends GpuCheckDeps {
  readonly database: Database;
  readonly maintenance: DatabaseMaintenance;
  readonly secrets: Secrets;
  readonly paths: DataDir;
  readonly specs: SpecRegistry;
  readonly drivers: ReadonlyMap<string, RuntimeDriver>;
  readonly slots: Slots;
  readonly insecure: boolean;
}

const GIB = 1024 ** 3;
const CHECKS: readonly CheckRow<DoctorDeps>[] = [
  {
    id: 'node',
    group: 'agent',
    title: 'Node.js',
    run: async () => ok(process.versions.node),
  },
  {
    id: 'database',
    group: 'agent',
    title: 'Database',
    run: async ({ database, paths }) => {
      if (database.state !== 'corrupt')
        return ok(
          `${database.state === 'checking' ? 'being checked' : 'sound'}, schema ${database.schemaVersion}`,
        );
      return bad(
        'failed',
        'damaged; nothing is written any more',
        'a sound database',
        `Stop the agent, then: modelops restore --list (backups lie in ${paths.backups})`,
      );
    },
  },
  {
    id: 'backup',
    group: 'agent',
    title: 'Last backup',
    run: async ({ maintenance }) => {
      const [newest] = await maintenance.list();
      if (newest === undefined) return bad('warning', 'none yet', 'one a day', 'modelops backup');
      return ok(newest.created_at);
    },
  },
  {
    id: 'secrets',
    group: 'security',
    title: 'Secrets',
    run: async ({ secrets }) =>
      secrets.state === 'unlocked'
        ? ok(`unlocked, key kept by the ${secrets.wrappedBy}`)
        : bad(
            'warning',
            `locked; their key is kept by the ${secrets.wrappedBy}`,
            'unlocked',
            'Start the agent from the desktop app, or: modelops secrets rewrap --to file',
          ),
  },
  {
    id: 'listening',
    group: 'security',
    title: 'Reachable from',
    run: async ({ insecure }) =>
      insecure
        ? bad(
            'warning',
            'other machines, without encryption',
            'TLS',
            'Give --tls-cert and --tls-key instead of --insecure.',
          )
        : ok('this machine, or others over TLS'),
  },
  {
    id: 'data_dir',
    group: 'storage',
    title: 'Data directory',
    run: async ({ paths }) => {
      await access(paths.root, constants.W_OK);
      return ok(paths.root);
    },
  },
  {
    id: 'disk',
    group: 'storage',
    title: 'Free space',
    run: async ({ paths }) => {
      const { bavail, bsize } = await statfs(paths.root);
      const free = bavail * bsize;
      const found = `${(free / GIB).toFixed(1)} GiB`;
      return free < 5 * GIB
        ? bad('warning', found, 'more than 5 GiB', 'Delete models that are not needed any more.')
        : ok(found);
    },
  },
  {
    id: 'docker',
    group: 'runtimes',
    title: 'Docker',
    run: async ({ docker }, signal) => {
      try {
        const info = await docker.info(signal);
        if (info.usernsRemap)
          return bad(
            'failed',
            `${info.version} with userns-remap`,
            'without userns-remap, or rootless',
            'Remove userns-remap from the configuration of Docker.',
          );
        return ok(`${info.version}${info.rootless ? ', rootless' : ''} at ${docker.where}`);
      } catch (error) {
        const { message, hint } = toAppError(error);
        return bad('warning', message, 'a Docker engine (not needed for the embedded runtime)', hint);
      }
    },
  },
  {
    id: 'runtimes',
    group: 'runtimes',
    title: 'Runtimes that can run here',
    run: async ({ specs, drivers }, signal) => {
      const found = await Promise.all(
        specs.all().map(async ({ spec }) => ({
          spec,
          state: await drivers.get(spec.driver)?.availability(spec, undefined, signal),
        })),
      );
      const usable = found.filter(({ state }) => state?.available === true).map(({ spec }) => spec.id);
      const missing = found.find(({ state }) => state?.available !== true);
      if (usable.length === 0)
        return bad('failed', 'none', 'at least one', missing?.state?.hint ?? 'Install Docker.');
      return missing === undefined
        ? ok(usable.join(', '))
        : bad(
            'warning',
            `${usable.join(', ')}; not ${missing.spec.id}: ${missing.state?.message ?? 'no driver'}`,
            'all that you use',
            missing.state?.hint ?? '',
          );
    },
  },
  {
    id: 'specs',
    group: 'runtimes',
    title: 'Runtime specs',
    run: async ({ specs, paths }) => {
      const [first] = specs.problems;
      if (first === undefined) return ok(`${specs.all().length} usable`);
      const place = first.line === null ? '' : `:${first.line}:${first.column ?? 1}`;
      return bad(
        'failed',
        `${first.file}${place}: ${first.message}`,
        'files that follow the schema',
        `Correct it in ${paths.userRuntimes}.`,
      );
    },
  },
  {
    id: 'slots',
    group: 'runtimes',
    title: 'Slots',
    run: async ({ slots }) => {
      const all = slots.list();
      const failed = all.find((slot) => slot.load_error !== null);
      if (failed?.load_error != null)
        return bad(
          'failed',
          `${failed.id}: ${failed.load_error.message}`,
          'no failures',
          failed.load_error.hint,
        );
      return ok(
        `${all.filter((slot) => slot.load_state === 'loaded').length} of ${all.length} serve a model`,
      );
    },
  },
];

/** Runs every check; one that cannot be run says so instead of hiding the others. */
export async function runDoctor(deps: DoctorDeps, signal: AbortSignal): Promise<Check[]> {
  return Promise.all(
    [...CHECKS, ...GPU_CHECKS].map(async ({ id, group, title, run }): Promise<Check> => {
      try {
        return { id, group, title, ...(await run(deps, signal)) };
      } catch (error) {
        const { message, hint } = toAppError(error);
        return { id, group, title, ...bad('failed', message, 'an answer', hint) };
      }
    }),
  );
}
