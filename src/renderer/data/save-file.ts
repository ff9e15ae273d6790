import { AppError } from '../../shared/contract/index.ts';
import { asAppError, keyStore } from './api.ts';

/** Larger than this a file is written to disk as it comes, where the browser can. */
const STREAM_FROM = 64 * 1024 * 1024;

interface SaveTarget {
  createWritable(): Promise<WritableStream<Uint8Array>>;
}
type PickTarget = (options: { suggestedName: string }) => Promise<SaveTarget>;

/** Offers bytes that the page made as a file. */
export function saveBlob(name: string, blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  document.body.append(link);
  link.click();
  link.remove();
  // The download has begun when the click returns, but some browsers read the address a little later.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/**
 * Fetches something of the agent with the key of this page and saves it as a file.
 * @param path with its query, relative to the agent
 * @param bytes what it will be; null when nobody knows
 * @throws {AppError} the refusal of the agent
 */
export async function saveFromAgent(path: string, name: string, bytes: number | null = null): Promise<void> {
  const pick = (window as unknown as { showSaveFilePicker?: PickTarget }).showSaveFilePicker;
  const target =
    pick !== undefined && (bytes ?? 0) > STREAM_FROM ? await pick({ suggestedName: name }) : null;
  const { token } = keyStore.getState();
  let response: Response;
  try {
    response = await fetch(path, token === null ? {} : { headers: { authorization: `Bearer ${token}` } });
  } catch (cause) {
    throw new AppError('agent_unreachable', 'The agent does not answer.', { cause });
  }
  if (!response.ok) throw await refusalOf(response);
  if (target === null || response.body === null) saveBlob(name, await response.blob());
  else await response.body.pipeTo(await target.createWritable());
}

async function refusalOf(response: Response): Promise<AppError> {
  try {
    const { error, message, hint } = (await response.json()) as {
      error: AppError['code'];
      message: string;
      hint?: string;
    };
    return new AppError(error, message, hint === undefined ? {} : { hint });
  } catch (thrown) {
    return asAppError(thrown);
  }
}

/** Rows as a CSV file, quoted where needed. Text that a spreadsheet would run as a formula is told to be text. Pure. */
export function toCsv(
  head: readonly string[],
  rows: readonly (readonly (string | number | null)[])[],
): string {
  return [head, ...rows].map((row) => row.map(csvCell).join(',')).join('\r\n') + '\r\n';
}

function csvCell(value: string | number | null): string {
  if (value === null) return '';
  if (typeof value === 'number') return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
