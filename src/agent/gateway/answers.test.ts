import { describe, expect, it } from 'vitest';
import { refusal } from '../../../test/support/refusals.ts';
import { chatBody, plainAnswer } from './generate.ts';
import { tokensOf } from './provider-relay.ts';
import { rerankAnswer, rerankOrder } from './rerank.ts';

const documents = ['a', { text: 'b', id: 7 }, 'c'];
const order = (more: object = {}) => rerankOrder({ query: 'q', documents, ...more });

describe('rerank', () => {
  it('asks with texts, for at most as many as there are', () => {
    expect(order().body).toEqual({ query: 'q', documents: ['a', 'b', 'c'], top_n: 3 });
    expect(order({ top_n: 9 }).topN).toBe(3);
    expect(order({ top_n: 2, return_documents: null }).topN).toBe(2);
  });

  it('answers in one shape, the best first, whoever ranked', () => {
    const results = [
      { index: 0, relevance_score: -3.5, document: { text: 'theirs' } },
      { index: 1, relevance_score: 0.9 },
      { index: 2, relevance_score: 0.2 },
    ];
    expect(
      rerankAnswer(order({ top_n: 2, return_documents: true }), 'm', { results, usage: { total_tokens: 5 } }),
    ).toEqual({
      model: 'm',
      results: [
        { index: 1, relevance_score: 0.9, document: { text: 'b', id: 7 } },
        { index: 2, relevance_score: 0.2, document: { text: 'c' } },
      ],
      usage: { prompt_tokens: 5, total_tokens: 5 },
    });
  });

  it.each([
    [{}],
    [{ results: 'x' }],
    [{ results: [null] }],
    [{ results: [{ index: 3, relevance_score: 1 }] }],
    [{ results: [{ index: -1, relevance_score: 1 }] }],
    [{ results: [{ index: 0 }] }],
    [{ results: [{ index: 0, relevance_score: 'high' }] }],
  ])('%j is no answer', (answer) => {
    expect(refusal(() => rerankAnswer(order(), 'm', answer))).toMatchObject({
      code: 'upstream_failed',
      details: { reason: 'malformed' },
    });
  });
});

describe('one question and one answer', () => {
  it('is a chat with the prompt as the last turn', () => {
    const history = [{ role: 'assistant' as const, content: 'h' }];
    const local = { hosting: 'local' as const, provider_model_id: null };
    expect(chatBody(local, { prompt: 'p', history, max_tokens: 3 })).toEqual({
      messages: [...history, { role: 'user', content: 'p' }],
      max_tokens: 3,
    });
    expect(chatBody(local, { history, temperature: 0 })).toEqual({ messages: history, temperature: 0 });
    expect(chatBody({ hosting: 'cloud', provider_model_id: 'o3' }, { prompt: 'p', max_tokens: 3 })).toEqual({
      messages: [{ role: 'user', content: 'p' }],
      max_completion_tokens: 3,
    });
  });

  it('may say nothing, but not be nothing', () => {
    expect(plainAnswer('m', { choices: [{ message: { content: null } }] })).toEqual({
      output: '',
      response: '',
      model_id: 'm',
      finish_reason: null,
      usage: null,
    });
    for (const answer of [{}, { choices: [] }, { choices: [{}] }, { choices: 'x' }])
      expect(refusal(() => plainAnswer('m', answer))).toMatchObject({ code: 'upstream_failed' });
  });
});

describe('the tokens of an answer that is parsed', () => {
  it.each([
    [{ usage: { prompt_tokens: 3, completion_tokens: 4 } }, { prompt: 3, completion: 4 }],
    [{ usage: { total_tokens: 7 } }, { prompt: 7, completion: 0 }],
    [{ usage: { prompt_tokens: 'x', completion_tokens: -1 } }, { prompt: 0, completion: 0 }],
    [{ usage: null }, null],
    [{}, null],
  ])('%j', (body, expected) => {
    expect(tokensOf(body)).toEqual(expected);
  });
});
