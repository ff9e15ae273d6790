import type { ReactNode } from 'react';
import type { TestRun } from '../../../shared/contract/index.ts';
import { formatCount } from '../../parts/format.ts';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { t } from '../../strings/text.ts';
import css from './TestTab.module.css';

/** The answer of a test, by what was asked: words, a vector, a ranking. */
export function TestOutput({ run }: { readonly run: TestRun }): ReactNode {
  const { text, dimension, vector_preview: preview, results } = run.output_payload;
  if (typeof text === 'string') return <pre className={css.output}>{text}</pre>;
  if (typeof dimension === 'number')
    return (
      <pre className={css.output}>
        {t('test.vector', {
          count: formatCount(dimension),
          first: Array.isArray(preview) ? preview.map((value) => Number(value).toFixed(4)).join(', ') : '',
        })}
      </pre>
    );
  if (Array.isArray(results)) return <Ranking run={run} results={results as unknown as readonly Ranked[]} />;
  return <pre className={css.output}>{run.summary}</pre>;
}

interface Ranked {
  readonly index: number;
  readonly relevance_score?: number;
}

/** The documents as the model ordered them. */
function Ranking({
  run,
  results,
}: {
  readonly run: TestRun;
  readonly results: readonly Ranked[];
}): ReactNode {
  const { documents } = run.input_payload;
  const asked = Array.isArray(documents) ? documents : [];
  return (
    <SimpleTable
      label={t('test.ranking')}
      head={[t('test.rank'), t('test.document'), t('test.score')]}
      align={['end', undefined, 'end']}
      rows={results.map((result, place) => {
        const document = asked[result.index];
        return {
          id: String(result.index),
          cells: [
            place + 1,
            typeof document === 'string' ? document : t('test.documentNumber', { number: result.index + 1 }),
            result.relevance_score === undefined ? '—' : result.relevance_score.toFixed(4),
          ],
        };
      })}
    />
  );
}
