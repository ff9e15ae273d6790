import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { AppError } from '../shared/contract/index.ts';

/**
 * A secret that is never an argument: other users of the machine see arguments, and shells keep them.
 * From a file, from what is piped in, or typed without being shown.
 * @throws {AppError} `invalid_argument` when there is none, or the file cannot be read.
 */
export async function readSecret(what: string, file: string | undefined): Promise<string> {
  const secret = (file === undefined ? await fromStdin(what) : await fromFile(file)).trim();
  if (secret !== '') return secret;
  throw new AppError('invalid_argument', `There is no ${what}.`, {
    hint: 'Pipe it in, type it when asked, or name a file with --key-file.',
  });
}

async function fromFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new AppError('invalid_argument', `${path} cannot be read.`, { cause });
  }
}

async function fromStdin(what: string): Promise<string> {
  if (!process.stdin.isTTY) {
    let text = '';
    for await (const chunk of process.stdin.setEncoding('utf8')) text += chunk as string;
    return text;
  }
  process.stderr.write(`${what} (not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await lines.question('');
  } finally {
    lines.close();
    process.stderr.write('\n');
  }
}
