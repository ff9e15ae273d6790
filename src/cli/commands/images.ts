import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, ENDPOINTS, shortDigest, type Image, type Job } from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatBytes, formatTable, type Output } from '../output.ts';
import { followJob } from '../progress.ts';

interface Waiting {
  readonly wait: boolean;
}

interface Brought {
  readonly reference: string;
  readonly image_id: string;
  readonly changed_from: string | null;
}

export function imageCommands(program: Command): void {
  const images = program.command('images').description('container images of runtimes');
  listCommand(images.command('list', { isDefault: true }));

  action<Waiting>(
    images
      .command('pull')
      .description('pull an image through the engine')
      .argument('<reference>', 'repository:tag, or repository@sha256:...')
      .option('--no-wait', 'do not wait for the end'),
    async ({ agent, output }, { wait }, reference = '') => {
      const connection = await agent();
      const { job } = await connection.call(ENDPOINTS.pullImage, { body: { reference } });
      await finish(connection, job, output, wait, (done) => {
        const brought = done.result as unknown as Brought & { size_bytes: number };
        return `${describe(brought)}, ${formatBytes(brought.size_bytes)}.`;
      });
    },
  );

  action<Waiting>(
    images
      .command('import')
      .description('load the images of a file that `docker save` or `images export` made')
      .argument('<path>', 'a tar, also with gzip or zstd')
      .option('--no-wait', 'do not wait for the end'),
    async ({ agent, output }, { wait }, path = '') => {
      const connection = await agent();
      const { job } = await connection.call(ENDPOINTS.importImage, { body: { path: resolve(path) } });
      await finish(connection, job, output, wait, (done) =>
        (done.result as unknown as { images: Brought[] }).images.map((one) => `${describe(one)}.`).join('\n'),
      );
    },
  );

  action<Waiting & { output: string }>(
    images
      .command('export')
      .description('write images into a file that another machine can import')
      .argument('<references...>')
      .requiredOption('-o, --output <path>', 'the file to write; nothing is overwritten')
      .option('--no-wait', 'do not wait for the end'),
    async ({ agent, output }, options, ...references) => {
      const connection = await agent();
      const { job } = await connection.call(ENDPOINTS.exportImages, {
        body: { references, path: resolve(options.output) },
      });
      await finish(connection, job, output, options.wait, (done) => {
        const {
          path,
          size_bytes: size,
          images: written,
        } = done.result as unknown as {
          path: string;
          size_bytes: number;
          images: Brought[];
        };
        const lines = written.map(({ reference, image_id: id }) => `  ${reference}  ${id}`);
        return [
          `${path}, ${formatBytes(size)}. Import it elsewhere with: modelops images import FILE`,
          ...lines,
        ].join('\n');
      });
    },
  );

  pruneCommand(images.command('prune'));
  // Where a person who looks at the runtimes looks for them.
  const runtimes = program.commands.find((command) => command.name() === 'runtimes');
  if (runtimes !== undefined) listCommand(runtimes.command('images'));
}

/** `images list` and `runtimes images` are the same. */
function listCommand(command: Command): void {
  action<{ all?: boolean }>(
    command
      .description('images that slots and runtimes need, here or not')
      .option('--all', 'every image of the engine'),
    async ({ agent, output }, { all }) => {
      const answer = await (
        await agent()
      ).call(ENDPOINTS.listImages, {
        query: { all: all === true ? '1' : '0' },
      });
      output.result(answer, tableOf(answer.images));
    },
  );
}

function tableOf(images: readonly Image[]): string {
  if (images.length === 0) return 'No images: no slot and no runtime names one.';
  const rows = images.map((image) => [
    image.needed_references[0] ?? image.references[0] ?? '(no name)',
    image.present ? 'here' : 'missing',
    image.size_bytes === null ? '—' : formatBytes(image.size_bytes),
    image.id === null ? '—' : shortDigest(image.id),
    [...image.needed_by_slots, ...image.needed_by_runtimes].join(', ') || '—',
    image.in_use ? 'yes' : '',
    image.changed_from === null || !image.present ? '' : `was ${shortDigest(image.changed_from)}`,
  ]);
  return formatTable(['image', 'here', 'size', 'id', 'needed by', 'in use', 'changed'], rows);
}

function pruneCommand(command: Command): void {
  action<{ yes?: boolean }>(
    command
      .description('show the images that no slot needs; remove them with --yes')
      .argument('[ids...]', 'only these')
      .option('--yes', 'remove them'),
    async ({ agent, output }, { yes }, ...named) => {
      const { call } = await agent();
      const { images } = await call(ENDPOINTS.listImages, { query: { all: '1' } });
      const ids = named.map((name) => idOf(name, images));
      const chosen = ids.length === 0 ? {} : { ids };
      const dry = await call(ENDPOINTS.pruneImages, { body: { dry_run: true, ...chosen } });
      if (yes !== true || dry.images.length === 0) {
        output.result(dry, dryWords(dry));
        return;
      }
      // Exactly what was just named: what came meanwhile stays.
      const done = await call(ENDPOINTS.pruneImages, {
        body: { dry_run: false, ids: dry.images.map(({ id }) => id) },
      });
      const count = done.images.length;
      output.result(
        done,
        `${count} image${count === 1 ? '' : 's'} removed, up to ${formatBytes(done.freed_bytes)}.`,
      );
    },
  );
}

function dryWords(dry: {
  images: readonly { id: string; references: readonly string[]; size_bytes: number }[];
  freed_bytes: number;
}): string {
  if (dry.images.length === 0) return 'Nothing to remove: what is here is needed or in use.';
  const rows = dry.images.map((image) => [
    shortDigest(image.id),
    formatBytes(image.size_bytes),
    image.references.join(', ') || '(no name)',
  ]);
  return `${formatTable(['id', 'size', 'image'], rows)}\nUp to ${formatBytes(dry.freed_bytes)}; layers that others share stay. Remove them with: modelops images prune --yes`;
}

/** An id, its start, or a name. @throws {AppError} `not_found`. */
function idOf(name: string, images: readonly Image[]): string {
  const found = images.find(
    ({ id, references }) =>
      references.includes(name) ||
      (id !== null && (id === name || id.startsWith(`sha256:${name}`)) && name.length >= 6),
  );
  if (found?.id == null) throw new AppError('not_found', `There is no image ${name} on this machine.`);
  return found.id;
}

async function finish(
  connection: Connection,
  job: Job,
  output: Output,
  wait: boolean,
  words: (done: Job) => string,
): Promise<void> {
  if (!wait) {
    output.result({ job }, `Job ${job.id} runs; see it with: modelops jobs show ${job.id}`);
    return;
  }
  const done = await followJob(connection, job, output);
  output.result({ job: done, ...done.result }, words(done));
}

function describe({ reference, image_id: id, changed_from: was }: Brought): string {
  return `${reference} is here: ${id}${was === null ? '' : `, before it was ${shortDigest(was)}`}`;
}
