import { AppError } from '../../shared/contract/index.ts';
import type { JsonBody } from '../adapters/providers/index.ts';
import type { CallBody } from './calls.ts';
import { tokensOf } from './provider-relay.ts';

/** Runtimes and providers agree on what a rerank is, and differ in the rest: here both ends get one shape. Pure. */

type Document = string | { readonly text: string };

export interface RerankOrder {
  /** What the runtime or provider is asked. */
  readonly body: CallBody;
  readonly documents: readonly Document[];
  readonly topN: number;
  readonly withDocuments: boolean;
}

const KNOWN = new Set(['model', 'query', 'documents', 'top_n', 'return_documents']);

/** @throws {AppError} `invalid_argument` naming a parameter that not everybody knows, and would so be ignored. */
export function rerankOrder(body: {
  readonly query: string;
  readonly documents: readonly Document[];
  readonly top_n?: number | null | undefined;
  readonly return_documents?: boolean | null | undefined;
}): RerankOrder {
  const unknown = Object.entries(body).find(([name, value]) => !KNOWN.has(name) && value != null);
  if (unknown !== undefined) {
    throw new AppError('invalid_argument', `${unknown[0]} is no parameter of rerank, so it is refused.`, {
      hint: 'Leave it out.',
      details: { fields: [unknown[0]] },
    });
  }
  const topN = Math.min(body.top_n ?? body.documents.length, body.documents.length);
  return {
    body: {
      query: body.query,
      documents: body.documents.map((document) => (typeof document === 'string' ? document : document.text)),
      top_n: topN,
    },
    documents: body.documents,
    topN,
    withDocuments: body.return_documents === true,
  };
}

/** The best first. @throws {AppError} `upstream_failed`, reason `malformed`. */
export function rerankAnswer(order: RerankOrder, modelId: string, answer: JsonBody): JsonBody {
  const { results } = answer;
  if (!Array.isArray(results)) throw malformed('without results');
  const ranked = (results as { index?: unknown; relevance_score?: unknown }[]).map((result) => {
    const { index, relevance_score: score } = result ?? {};
    if (typeof index !== 'number' || order.documents[index] === undefined)
      throw malformed('that ranks a document nobody sent');
    if (typeof score !== 'number' || !Number.isFinite(score)) throw malformed('without a score');
    const document = order.documents[index];
    return {
      index,
      relevance_score: score,
      ...(order.withDocuments
        ? { document: typeof document === 'string' ? { text: document } : document }
        : {}),
    };
  });
  const tokens = tokensOf(answer)?.prompt ?? 0;
  return {
    model: modelId,
    results: ranked.toSorted((a, b) => b.relevance_score - a.relevance_score).slice(0, order.topN),
    usage: { prompt_tokens: tokens, total_tokens: tokens },
  };
}

function malformed(what: string): AppError {
  return new AppError('upstream_failed', `The model gave an answer ${what}.`, {
    details: { reason: 'malformed' },
  });
}
