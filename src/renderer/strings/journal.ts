import type { JournalRow } from '../../shared/contract/index.ts';
import { known, t, type TextValues } from './text.ts';

/**
 * A journal row in words: `slot chat went from loading to loaded`; without its subject, as the object's own history
 * says it. Actions nobody has words for keep their code. Pure.
 */
export function journalWords(row: Pick<JournalRow, 'action' | 'subject' | 'data'>): string {
  const what = row.subject?.split(':').slice(1).join(':') ?? '';
  const values: TextValues = {
    ...Object.fromEntries(Object.entries(row.data).map(([key, value]) => [key, inWords(value)])),
    what,
  };
  try {
    const words = known(`journal.${row.action}`, values) ?? t('journal.other', { action: row.action, what });
    // Said where the object is known already, the sentence has a hole less.
    return words.replaceAll(/ {2,}/g, ' ').trim();
  } catch (error) {
    // A row from another version may lack what the sentence names.
    if (error instanceof Error && 'code' in error) return t('journal.other', { action: row.action, what });
    throw error;
  }
}

/** What more a row tells, in a few words. Pure. */
export function journalDetail(row: Pick<JournalRow, 'action' | 'data'>): string {
  const { error, reason, runtime_identity: runtime, model_id: modelId } = row.data;
  if (typeof error === 'string') return error;
  if (typeof reason === 'string') return reason;
  if (row.action === 'slot.state_changed' && typeof modelId === 'string') return modelId;
  return typeof runtime === 'string' ? runtime : '';
}

/** Who did it; the agent where nobody asked. Pure. */
export function actorWords(row: Pick<JournalRow, 'actor_id' | 'actor_name'>): string {
  if (row.actor_id === null) return t('history.agent');
  return row.actor_name ?? row.actor_id;
}

function inWords(value: unknown): string | number {
  if (typeof value === 'number') return value;
  if (Array.isArray(value)) return value.join(', ');
  return typeof value === 'string' ? value : '';
}
