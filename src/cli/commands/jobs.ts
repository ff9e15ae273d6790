import type { Command } from 'commander';
import { ENDPOINTS, type Job } from '../../shared/contract/index.ts';
import { action } from '../command-context.ts';
import { formatBytes, formatTable, formatTime } from '../output.ts';
import { followJob } from '../progress.ts';

export function jobCommands(program: Command): void {
  const jobs = program.command('jobs').description('work in the background');

  action<{ state?: string }>(
    jobs
      .command('list', { isDefault: true })
      .description('newest first')
      .option('--state <states>', 'queued, running, succeeded, failed, cancelled'),
    async ({ agent, output }, options) => {
      const query: Record<string, unknown> = options.state === undefined ? {} : { state: options.state };
      const page = await (await agent()).call(ENDPOINTS.listJobs, { query: query });
      const rows = page.jobs.map((job) => [
        job.id,
        job.title,
        job.state,
        job.progress?.phase ?? '',
        formatTime(job.created_at),
        job.error?.message ?? '',
      ]);
      output.result(
        page,
        rows.length === 0
          ? 'Nothing ran yet.'
          : formatTable(['id', 'title', 'state', 'phase', 'created', 'problem'], rows),
      );
    },
  );
  action(
    jobs.command('show').description('one job').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const { job } = await (await agent()).call(ENDPOINTS.getJob, { params: { id: id ?? '' } });
      output.result({ job }, describeJob(job));
    },
  );
  action(
    jobs.command('watch').description('follow a job to its end').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const connection = await agent();
      const { job } = await connection.call(ENDPOINTS.getJob, { params: { id: id ?? '' } });
      const done = await followJob(connection, job, output);
      output.result({ job: done }, describeJob(done));
    },
  );
  action(
    jobs.command('cancel').description('cancel a job').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const { job } = await (await agent()).call(ENDPOINTS.cancelJob, { params: { id: id ?? '' } });
      output.result({ job }, `${job.title} is ${job.state === 'running' ? 'being cancelled' : job.state}.`);
    },
  );
}

function describeJob(job: Job): string {
  const { progress } = job;
  const bytes =
    progress?.bytes_total == null
      ? ''
      : `, ${formatBytes(progress.bytes_done ?? 0)} of ${formatBytes(progress.bytes_total)}`;
  const lines = [`${job.title}  ${job.state}`, `  ${job.kind} ${job.id}, attempt ${job.attempt}`];
  if (progress !== null) lines.push(`  ${progress.phase}${bytes}`);
  if (job.error !== null) lines.push(`  ${job.error.message}`, `  ${job.error.hint ?? ''}`);
  if (job.result !== null) lines.push(`  ${JSON.stringify(job.result)}`);
  return lines.join('\n');
}
