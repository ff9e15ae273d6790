import type { Command } from 'commander';
import { AppError, ENDPOINTS } from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { offlineChecks } from '../offline-checks.ts';
import { readEvents } from '../events.ts';
import { formatBytes, formatDuration, formatTable, formatTime } from '../output.ts';

const STOP_DEADLINE_MS = 90_000;

export function systemCommands(program: Command): void {
  action(program.command('status').description('what runs on this node'), async ({ agent, output }) => {
    const { call } = await agent();
    const [{ system }, { slots }, { counts }, { jobs }, profile] = await Promise.all([
      call(ENDPOINTS.getSystem, {}),
      call(ENDPOINTS.listSlots, {}),
      call(ENDPOINTS.listModels, { query: { limit: 1 } }),
      call(ENDPOINTS.listJobs, { query: { state: 'queued,running' } }),
      call(ENDPOINTS.getProfile, {}),
    ]);
    const serving = slots.filter((slot) => slot.load_state === 'loaded');
    const models = Object.entries(counts)
      .map(([state, count]) => `${count} ${state}`)
      .join(', ');
    const lines = [
      `${system.node_name}  ${system.listening.url}  version ${system.version}, process ${system.pid}, up ${formatDuration(system.uptime_ms)}`,
      `  profile   ${profile.profile}${profile.locked ? ` (locked by ${profile.source})` : ''}, ${profile.refused_count} refused`,
      `  models    ${models === '' ? 'none' : models}`,
      `  slots     ${serving.length} of ${slots.length} serve a model`,
      ...slots.map(
        (slot) =>
          `            ${slot.id}: ${slot.load_state}${slot.loaded_managed_model_id === null ? '' : ` ${slot.loaded_managed_model_id}`}${slot.load_error === null ? '' : `, ${slot.load_error.message}`}`,
      ),
      `  jobs      ${jobs.length === 0 ? 'none running' : jobs.map((job) => `${job.title} (${job.progress?.phase ?? job.state})`).join(', ')}`,
      `  disk      ${formatBytes(system.disk.free_bytes)} free, ${formatBytes(system.disk.models_bytes)} of models`,
      `  docker    ${system.docker.version ?? system.docker.message ?? ''}`,
      ...(system.database.state === 'corrupt'
        ? ['  database  DAMAGED: nothing is written any more; see modelops restore']
        : []),
      ...(system.secrets.state === 'locked'
        ? [`  secrets   locked, kept by the ${system.secrets.wrapped_by}`]
        : []),
    ];
    output.result({ system, slots, counts, jobs, profile }, lines.join('\n'));
  });

  action(
    program.command('doctor').description('check everything the node needs'),
    async ({ agent, output, dataDir }) => {
      const found = await agent().then(
        async ({ call }) => (await call(ENDPOINTS.getDoctor, {})).checks,
        (error: unknown) => {
          if (error instanceof AppError && error.code === 'agent_unreachable') return offlineChecks(dataDir);
          throw error;
        },
      );
      const marks = { ok: '✓', warning: '!', failed: '✗', skipped: '-' } as const;
      const lines = found.map(
        (check) =>
          `${marks[check.status]} ${check.title}: ${check.found}${check.hint === null || check.status === 'ok' ? '' : `\n    ${check.hint}`}`,
      );
      output.result({ checks: found }, lines.join('\n'));
      if (found.some((check) => check.status === 'failed')) process.exitCode = 1;
    },
  );

  action(
    program.command('open').description('print a one-time link that signs a browser in'),
    async ({ agent, output }) => {
      const { call } = await agent();
      const answer = await call(ENDPOINTS.createSessionCode, {});
      output.result(answer, `${answer.url}\n  single use, for 60 seconds`);
    },
  );

  action<{ slots?: boolean }>(
    program
      .command('stop')
      .description('stop the agent; containers go on unless --slots')
      .option('--slots', 'empty every slot first'),
    async ({ agent, output }, options) => {
      const stillRunning = await stopAgent(await agent(), options.slots === true ? 'stop' : 'keep');
      output.result(
        { stopped: true, still_running: stillRunning },
        stillRunning.length === 0 ? 'Stopped.' : `Stopped. Still running: ${stillRunning.join(', ')}`,
      );
    },
  );

  action<{ topics: string }>(
    program
      .command('events')
      .description('what happens, as it happens')
      .option('--topics <list>', 'journal, jobs, slots, system, telemetry, logs', 'journal'),
    async ({ agent, output }, options) => {
      const stop = new AbortController();
      process.once('SIGINT', () => stop.abort());
      const connection = await agent();
      try {
        for await (const event of readEvents(connection, options.topics, stop.signal)) {
          output.result(event, `${event.id ?? '-'}  ${event.name}  ${JSON.stringify(event.data)}`);
        }
      } catch (error) {
        if (!stop.signal.aborted)
          throw new AppError('agent_unreachable', 'The stream broke.', { cause: error });
      }
    },
  );

  auditCommands(program);
}

function auditCommands(program: Command): void {
  const audit = program.command('audit').description('the journal of changes');
  action<{ limit: string; subject?: string }>(
    audit
      .command('list', { isDefault: true })
      .description('newest first')
      .option('--limit <n>', 'rows', '30')
      .option('--subject <kind:id>', 'only about this'),
    async ({ agent, output }, options) => {
      const { call } = await agent();
      const page = await call(ENDPOINTS.listAudit, {
        query: {
          limit: Number(options.limit),
          ...(options.subject === undefined ? {} : { subject: options.subject }),
        },
      });
      output.result(
        page,
        formatTable(
          ['seq', 'at', 'by', 'action', 'subject'],
          page.audit.map((row) => [
            String(row.seq),
            formatTime(row.at),
            row.actor_name ?? 'agent',
            row.action,
            row.subject ?? '',
          ]),
        ),
      );
    },
  );
  action(
    audit.command('verify').description('recompute the chain of the journal'),
    async ({ agent, output }) => {
      const { call } = await agent();
      const result = await call(ENDPOINTS.verifyAudit, {});
      const signed = result.signed_seq === 0 ? 'no signed head yet' : `signed up to ${result.signed_seq}`;
      output.result(
        result,
        result.ok
          ? `The chain of ${result.rows} rows holds, ${signed}.`
          : `The chain is broken at row ${result.broken_at}: ${result.problem}`,
      );
      if (!result.ok) process.exitCode = 1;
    },
  );
}

/** Asks the agent to stop and waits until it no longer answers. @returns slots whose containers go on. */
export async function stopAgent({ call, url }: Connection, slots: 'keep' | 'stop'): Promise<string[]> {
  const { still_running: stillRunning } = await call(ENDPOINTS.stopSystem, { body: { slots } });
  const deadline = performance.now() + STOP_DEADLINE_MS;
  while (performance.now() < deadline) {
    const answers = await fetch(`${url}/healthz`, { signal: AbortSignal.timeout(2000) }).then(
      () => true,
      () => false,
    );
    if (!answers) return stillRunning;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new AppError('conflict', 'The agent did not stop in 90 seconds.', { hint: 'See its log.' });
}
