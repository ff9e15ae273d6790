import { describe, expect, it } from 'vitest';
import { historyOf, tokensPerSecond, type AnswerFacts, type Turn } from './chat-store.ts';
import { curlFor } from './curl.ts';

const FACTS: AnswerFacts = {
  modelId: 'alpha-v1',
  globalModelId: null,
  requestId: null,
  firstTokenMs: 100,
  tookMs: 1100,
  promptTokens: 10,
  completionTokens: 51,
  finishReason: 'stop',
};
const turn = (state: Turn['state'], prompt: string, answer: string): Turn => ({
  id: 1,
  state,
  prompt,
  answer,
  facts: FACTS,
  error: null,
});

describe('the speed of an answer', () => {
  it('counts from the first token on', () => {
    expect(tokensPerSecond(FACTS)).toBe(50);
  });

  it('is not known where there is nothing to measure', () => {
    expect(tokensPerSecond({ ...FACTS, completionTokens: null })).toBeNull();
    expect(tokensPerSecond({ ...FACTS, completionTokens: 1 })).toBeNull();
    // All of it in one piece.
    expect(tokensPerSecond({ ...FACTS, tookMs: 100.5 })).toBeNull();
  });
});

describe('what a prompt is sent with', () => {
  it('is what was said and answered, without what was refused', () => {
    expect(
      historyOf(
        [
          turn('done', 'a', 'A'),
          turn('refused', 'b', ''),
          turn('stopped', 'c', 'half'),
          turn('stopped', 'd', ''),
        ],
        'Be short.',
      ),
    ).toEqual([
      { role: 'system', content: 'Be short.' },
      { role: 'user', content: 'a' },
      { role: 'assistant', content: 'A' },
      { role: 'user', content: 'c' },
      { role: 'assistant', content: 'half' },
    ]);
    expect(historyOf([], '  ')).toEqual([]);
  });

  it('can be sent from a shell, quotes and all, and names no key', () => {
    const command = curlFor('http://127.0.0.1:7411', 'alpha-v1', 'chat', "What's new?");
    expect(command).toContain('$MODELOPS_KEY');
    expect(command).toContain(String.raw`What'\''s new?`);
  });
});
