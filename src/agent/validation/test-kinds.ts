import { failedTest, type TestKind, type TestOutcome } from './test-kind.ts';

/** The tests that exist. Each asks for something and says what a right answer is. */

const MAX_TOKENS = 64;
const PREVIEW = 8;
const SUMMARY = 120;

const prompt: TestKind = {
  task: 'llm',
  inputs: ['prompt'],
  path: '/v1/chat/completions',
  body: ({ prompt: content }, maxTokens = MAX_TOKENS) => ({
    messages: [{ role: 'user', content }],
    max_tokens: maxTokens,
    temperature: 0,
  }),
  read: readChat,
  fromText: (text) => ({ prompt: text }),
};

const embedding: TestKind = {
  task: 'embeddings',
  inputs: ['text'],
  path: '/v1/embeddings',
  body: ({ text }) => ({ input: text }),
  read: readEmbedding,
  fromText: (text) => ({ text }),
};

const rerank: TestKind = {
  task: 'rerank',
  inputs: ['query', 'documents'],
  path: '/v1/rerank',
  body: ({ query, documents }) => ({ query, documents }),
  read: readRanking,
  fromText: (text) => ({ query: text, documents: [text, 'A document about something else.'] }),
};

export const TEST_KINDS: readonly TestKind[] = [prompt, embedding, rerank];

function readChat(answer: Readonly<Record<string, unknown>>): TestOutcome {
  const choices = answer['choices'] as
    | { message?: { content?: unknown }; finish_reason?: unknown }[]
    | undefined;
  const choice = Array.isArray(choices) ? choices[0] : undefined;
  const content = choice?.message?.content;
  if (typeof content !== 'string' || content.trim() === '')
    return failedTest('The model answered with nothing.', { answer });
  return {
    ok: true,
    summary: content.length > SUMMARY ? `${content.slice(0, SUMMARY - 1)}…` : content,
    output: { text: content, finish_reason: choice?.finish_reason ?? null, usage: answer['usage'] ?? null },
    error: null,
  };
}

function readEmbedding(answer: Readonly<Record<string, unknown>>): TestOutcome {
  const data = answer['data'] as { embedding?: unknown }[] | undefined;
  const vector = Array.isArray(data) ? data[0]?.embedding : undefined;
  if (!Array.isArray(vector) || vector.length === 0)
    return failedTest('The model returned no vector.', { answer });
  const numbers = vector.every((value) => typeof value === 'number' && Number.isFinite(value));
  if (!numbers || vector.every((value) => value === 0))
    return failedTest('The vector is not usable.', { dimension: vector.length });
  return {
    ok: true,
    summary: `A vector of ${vector.length} numbers.`,
    output: {
      dimension: vector.length,
      vector_preview: vector.slice(0, PREVIEW),
      usage: answer['usage'] ?? null,
    },
    error: null,
  };
}

/** Each document once, each with a number; which is best is for people to judge. */
function readRanking(
  answer: Readonly<Record<string, unknown>>,
  { documents }: Readonly<Record<string, unknown>>,
): TestOutcome {
  const wanted = Array.isArray(documents) ? documents.length : 0;
  const rows = answer['results'];
  const results = (Array.isArray(rows) ? rows : []) as { index?: unknown; relevance_score?: unknown }[];
  const places = new Set(results.map((row) => row?.index));
  const whole =
    results.length === wanted &&
    Array.from({ length: wanted }, (_, i) => i).every((i) => places.has(i)) &&
    results.every((row) => typeof row.relevance_score === 'number' && Number.isFinite(row.relevance_score));
  if (!whole)
    return failedTest(`The ranking does not hold each of the ${wanted} documents once with a score.`, {
      answer,
    });
  const ranking = results
    .map((row) => ({ index: Number(row.index), relevance_score: Number(row.relevance_score) }))
    .toSorted((a, b) => b.relevance_score - a.relevance_score);
  return {
    ok: true,
    summary: `Ranked ${wanted} documents; document ${ranking[0]!.index + 1} fits best.`,
    output: { results: ranking, usage: answer['usage'] ?? null },
    error: null,
  };
}
