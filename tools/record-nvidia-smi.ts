import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  askAll,
  LIVE_FIELDS,
  PROCESS_FIELDS,
  STATIC_FIELDS,
  unknownField,
  type AskedField,
} from '../src/agent/adapters/nvidia/fields.ts';
import { callProgram, type CallAnswer } from '../src/agent/adapters/nvidia/program-call.ts';

/** Asked besides what the agent uses, so that a recording serves longer. */
const MORE_FIELDS = [
  'display_active',
  'ecc.mode.current',
  'power.max_limit',
  'vbios_version',
  'pcie.link.gen.current',
  'pcie.link.width.current',
  'clocks_throttle_reasons.active',
] as const;
const CALL_MS = 60_000;

/**
 * Writes the answers of a nvidia-smi as a recording that the double of the tests replays.
 * @returns the fields that this driver does not know
 */
export async function recordNvidiaSmi(program: string, directory: string): Promise<string[]> {
  await mkdir(directory, { recursive: true });
  const call = (args: readonly string[]): Promise<CallAnswer> =>
    callProgram(program, args, CALL_MS, AbortSignal.timeout(CALL_MS));
  const write = (file: string, text: string): Promise<void> => writeFile(join(directory, file), text);
  const dropped: string[] = [];

  const table = async (subject: string, fields: readonly string[]): Promise<string | null> => {
    let asked: readonly AskedField[] = askAll(fields);
    for (;;) {
      const names = asked.map(({ name }) => name);
      const answer = await call([`--query-${subject}=${names.join(',')}`, '--format=csv,noheader,nounits']);
      const unknown = unknownField(answer.text);
      if (unknown !== null && names.includes(unknown)) {
        dropped.push(unknown);
        asked = asked.filter(({ name }) => name !== unknown);
        continue;
      }
      if (answer.code !== 0) {
        const failure = { exit_code: answer.code, stdout: answer.text };
        await write('failure.json', `${JSON.stringify(failure, null, 2)}\n`);
        return null;
      }
      return `${names.join(', ')}\n${answer.stdout}`;
    }
  };
  const fields = new Set<string>([...STATIC_FIELDS, ...LIVE_FIELDS, ...MORE_FIELDS]);
  // Each look has its own time.
  fields.delete('timestamp');
  const gpus = await table('gpu', [...fields]);
  if (gpus === null) return dropped;
  await write('gpus.csv', gpus);
  await write('processes.csv', (await table('compute-apps', PROCESS_FIELDS)) ?? '');
  await write('list.txt', (await call(['-L'])).stdout);
  await write('report.xml', (await call(['-q', '-x'])).stdout);
  return dropped;
}
