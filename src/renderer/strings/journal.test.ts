import { describe, expect, it } from 'vitest';
import type { JournalRow } from '../../shared/contract/index.ts';
import { actorWords, journalDetail, journalWords } from './journal.ts';

const row = (action: string, subject: string | null, data: JournalRow['data'] = {}): JournalRow =>
  ({ action, subject, data, actor_id: null, actor_name: null }) as JournalRow;

describe('a journal row', () => {
  it.each([
    [row('model.activated', 'model:alpha-v1'), 'alpha-v1 activated'],
    [row('model.activated', null), 'activated'],
    [
      row('slot.state_changed', 'slot:chat', { from: 'loading', to: 'loaded' }),
      'slot chat went from loading to loaded',
    ],
    [row('slot.state_changed', null, { from: 'loading', to: 'loaded' }), 'slot went from loading to loaded'],
    [row('model.changed', 'model:a-v1', { fields: ['tags', 'name'] }), 'a-v1 changed: tags, name'],
    [row('moon.landed', 'moon:luna'), 'moon.landed luna'],
    // A row of another version lacks what the sentence names.
    [row('slot.state_changed', 'slot:chat'), 'slot.state_changed chat'],
  ])('%#', (one, words) => {
    expect(journalWords(one)).toBe(words);
  });

  it('tells why, and who', () => {
    expect(journalDetail(row('model.validation_stale', null, { reason: 'config_changed' }))).toBe(
      'config_changed',
    );
    expect(journalDetail(row('model.activated', null))).toBe('');
    expect(actorWords({ actor_id: null, actor_name: null })).toBe('the agent');
    expect(actorWords({ actor_id: 'p1', actor_name: 'admin' })).toBe('admin');
  });
});
