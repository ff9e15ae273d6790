import { expect, it } from 'vitest';
import { lastWordsOf } from './agent-file.ts';

it('the last words of an agent are its refusal, in the last whole line of that kind', () => {
  const text = [
    '{"level":30,"msg":"starting"}',
    '{"error":"not_found","message":"Something else."}',
    '{"error":"data_dir_locked","message":"Another agent uses it.","hint":"Close it."}',
    '{"error":"cut off',
  ].join('\n');
  expect(lastWordsOf(text)).toEqual({
    error: 'data_dir_locked',
    message: 'Another agent uses it.',
    hint: 'Close it.',
  });
  expect(lastWordsOf('nothing of the kind')).toBeNull();
});
