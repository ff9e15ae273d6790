import type { ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { familyBenchmarksQuery } from '../../data/benchmarks.ts';
import { useKept } from '../../data/lists.ts';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { RunTable } from './RunTable.tsx';
import css from './benchmarks.module.css';

/** What was measured of a model, its other versions and quants, wherever. */
export function ModelBenchmarks({ model }: { readonly model: Model }): ReactNode {
  const { data } = useKept(familyBenchmarksQuery(model.name));
  if (data === undefined) return null;
  return (
    <Section title={t('bench.ofModel')}>
      {data.rows.length === 0 ? (
        <p className={css.note}>{t('bench.ofModelNone')}</p>
      ) : (
        <RunTable label={t('bench.ofModel')} runs={data.rows} rates={2} />
      )}
    </Section>
  );
}
