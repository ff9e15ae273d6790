import { SingleBar } from 'cli-progress';
import { AppError, type Job } from '../shared/contract/index.ts';
import type { Connection } from './agent-connection.ts';
import { waitForJob } from './events.ts';
import { formatBytes, formatDuration, type Output } from './output.ts';

/** Follows a job: a bar on a terminal, plain lines otherwise, nothing under `--json`. @throws {AppError} its failure. */
export async function followJob(connection: Connection, job: Job, output: Output): Promise<Job> {
  const view = createProgress(output);
  try {
    const done = await waitForJob(connection, job.id, (update) => view.update(update));
    if (done.state === 'succeeded') return done;
    if (done.error !== null)
      throw new AppError(done.error.error, done.error.message, {
        ...(done.error.hint === undefined ? {} : { hint: done.error.hint }),
        ...(done.error.details === undefined ? {} : { details: done.error.details }),
      });
    throw new AppError('conflict', `${done.title} was cancelled.`, {
      hint: 'Give the same command again to start it anew.',
    });
  } finally {
    view.end();
  }
}

/** What a view of progress is told: the two fields of a job that it looks at. */
export type ProgressUpdate = Pick<Job, 'progress' | 'title'>;

export interface ProgressView {
  update(update: ProgressUpdate): void;
  end(): void;
}

/** A bar on a terminal, plain lines otherwise, nothing under `--json`. */
export function createProgress(output: Output): ProgressView {
  return output.isTerminal ? new TerminalProgress() : new PlainProgress(output);
}

class TerminalProgress implements ProgressView {
  #bar: SingleBar | null = null;

  update({ progress, title }: ProgressUpdate): void {
    if (progress?.bytes_total == null || progress.bytes_done === undefined) return;
    if (this.#bar === null) {
      this.#bar = new SingleBar({
        format: `${title} {bar} {percentage} %  {size}  {rate}  {eta}`,
        barsize: 24,
        barCompleteChar: '█',
        barIncompleteChar: '░',
        hideCursor: true,
        clearOnComplete: false,
        stream: process.stderr,
      });
      this.#bar.start(progress.bytes_total, 0, { size: '', rate: '', eta: '' });
    }
    this.#bar.update(progress.bytes_done, {
      size: `${formatBytes(progress.bytes_done)} of ${formatBytes(progress.bytes_total)}`,
      rate: progress.bytes_per_second === undefined ? '' : `${formatBytes(progress.bytes_per_second)}/s`,
      eta: progress.eta_seconds == null ? '' : `about ${formatDuration(progress.eta_seconds * 1000)}`,
    });
  }

  end(): void {
    this.#bar?.stop();
  }
}

/** One line for each phase and each tenth. */
class PlainProgress implements ProgressView {
  readonly #output: Output;
  #last = '';

  constructor(output: Output) {
    this.#output = output;
  }

  update({ progress, title }: ProgressUpdate): void {
    if (progress?.bytes_total == null || progress.bytes_total === 0) return;
    const tenth = Math.floor(((progress.bytes_done ?? 0) / progress.bytes_total) * 10);
    const line = `${title}: ${progress.phase}, ${tenth * 10} % of ${formatBytes(progress.bytes_total)}`;
    if (line !== this.#last) this.#output.say(line);
    this.#last = line;
  }

  end(): void {
    this.#last = '';
  }
}
