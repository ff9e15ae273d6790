import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { TASKS, TaskKeySchema } from '../../shared/contract/index.ts';
import { payloadJson } from './payload.ts';
import { inputProblem, testableTasks, testKindOf } from './task-test.ts';

const documents = ['one', 'two', 'three'];
const ranked = (...scores: unknown[]) => ({
  results: scores.map((relevance_score, index) => ({ index, relevance_score })),
});

describe('the kinds of tests', () => {
  it('are there for every task that a local runtime can do', () => {
    expect(testableTasks()).toEqual(TaskKeySchema.options.filter((task) => TASKS[task].capability !== null));
  });

  it('take the inputs of their task and no others', () => {
    for (const task of testableTasks()) {
      const kind = testKindOf(task)!;
      expect(inputProblem(kind, kind.fromText('a text')), task).toBeNull();
      expect(inputProblem(kind, { other: 'x' }), task).toMatch(/takes inputs\./);
      expect(inputProblem(kind, { ...kind.fromText('a text'), other: 'x' }), task).toMatch(/not /);
    }
  });

  it.each([
    ['llm', { choices: [{ message: { content: 'Hello.' } }] }, true],
    ['llm', { choices: [{ message: { content: '  ' } }] }, false],
    ['llm', { choices: [] }, false],
    ['llm', { choices: 'no' }, false],
    ['llm', { choices: [null] }, false],
    ['embeddings', { data: [{ embedding: [0.5, -1] }] }, true],
    ['embeddings', { data: [{ embedding: [0, 0] }] }, false],
    ['embeddings', { data: [{ embedding: ['1'] }] }, false],
    ['embeddings', { data: [] }, false],
    ['rerank', ranked(0.1, 0.9, 0.2), true],
    ['rerank', ranked(0.1, 0.9), false],
    ['rerank', ranked(0.1, 0.9, null), false],
    ['rerank', { results: [0, 0, 0].map(() => ({ index: 0, relevance_score: 1 })) }, false],
    ['rerank', { results: [null, null, null] }, false],
    ['rerank', {}, false],
  ] as const)('of %s reads %j as %s', (task, answer, ok) => {
    const outcome = testKindOf(task)!.read(answer, { query: 'q', documents });
    expect(outcome.ok).toBe(ok);
    expect(outcome.error === null).toBe(ok);
  });

  it('orders what was ranked', () => {
    expect(testKindOf('rerank')!.read(ranked(0.1, 0.9, 0.2), { documents })).toMatchObject({
      summary: 'Ranked 3 documents; document 2 fits best.',
      output: { results: [{ index: 1 }, { index: 2 }, { index: 0 }] },
    });
  });
});

describe('what is kept of inputs and answers', () => {
  it('is JSON of at most 64 KiB, whatever it was made of', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        expect(typeof JSON.parse(payloadJson(value))).toBe('object');
      }),
    );
    const huge = { text: 'x'.repeat(1_000_000), list: Array.from({ length: 5000 }, () => 'y'.repeat(5000)) };
    expect(payloadJson(huge).length).toBeLessThanOrEqual(65_536);
    expect(payloadJson({ text: 'x'.repeat(9000) })).toContain('808 characters more');
    expect(payloadJson({ short: 'as it is', n: [1, 2] })).toBe('{"short":"as it is","n":[1,2]}');
  });
});
