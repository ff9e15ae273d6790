import { Select } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import { ENDPOINTS, type Model } from '../../../shared/contract/index.ts';
import { principalQuery, principalsQuery } from '../../data/access.ts';
import { call } from '../../data/api.ts';
import { useKept } from '../../data/lists.ts';
import { modelListQuery, useModel, useModels } from '../../data/models.ts';
import { useQuery, type Query } from '../../data/queries.ts';
import { cx } from '../../parts/cx.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Ladder } from '../../parts/Ladder.tsx';
import tabsCss from '../../parts/PageTabs.module.css';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { AccessFrame } from './AccessFrame.tsx';
import css from './access.module.css';

const PAGE = cx(tabsCss.page, css.page);

/** A model as somebody else would be answered. It is not put among the models of this page: its verdicts are not ours. */
function explainQuery(modelId: string, principalId: string): Query<Model> {
  return {
    key: `explain ${modelId} ${principalId}`,
    about: [`model:${modelId}`, 'profile:runtime', 'principal:*', 'group:*', 'credential:*', 'slot:*'],
    read: async (signal) =>
      (await call(ENDPOINTS.getModel, { params: { id: modelId }, query: { for: principalId } }, { signal }))
        .model,
  };
}

/** Why somebody can or cannot call a model. Both choices stand in the address. */
export function ExplainTab(): ReactNode {
  const [search, setSearch] = useSearchParams();
  const who = search.get('who');
  const modelId = search.get('model');
  const choose = (name: 'who' | 'model', value: string | null): void =>
    setSearch(
      (before) => {
        const next = new URLSearchParams(before);
        if (value === null) next.delete(name);
        else next.set(name, value);
        return next;
      },
      { replace: true },
    );
  return (
    <AccessFrame tab="explain">
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={PAGE} tabIndex={0} role="region" aria-label={t('access.tab.explain')}>
        <p className={css.dim}>{t('explain.intro')}</p>
        <div className={css.row}>
          <WhoSelect value={who} onChange={(value) => choose('who', value)} />
          <ModelSelect value={modelId} onChange={(value) => choose('model', value)} />
        </div>
        {who !== null && modelId !== null ? (
          <Answer who={who} modelId={modelId} />
        ) : (
          <p>{t('explain.choose')}</p>
        )}
      </div>
    </AccessFrame>
  );
}

interface Choice {
  readonly value: string | null;
  readonly onChange: (value: string | null) => void;
}

function WhoSelect({ value, onChange }: Choice): ReactNode {
  const [search, setSearch] = useState('');
  const { data: chosen } = useQuery(value === null ? null : principalQuery(value));
  // The field holds the name of who is chosen; that is no question.
  const asked = search === chosen?.name ? '' : search;
  const { data } = useKept(principalsQuery(asked));
  const found = data?.rows ?? [];
  const people =
    chosen === undefined || found.some(({ id }) => id === chosen.id) ? found : [chosen, ...found];
  return (
    <Select
      className={css.pick ?? ''}
      label={t('explain.who')}
      placeholder={t('explain.whoPlaceholder')}
      searchable
      clearable
      searchValue={search}
      onSearchChange={setSearch}
      data={people.map(({ id, name }) => ({ value: id, label: name }))}
      filter={({ options }) => options}
      value={value}
      onChange={onChange}
    />
  );
}

function ModelSelect({ value, onChange }: Choice): ReactNode {
  const [search, setSearch] = useState('');
  const chosen = useModel(value);
  const asked = chosen !== undefined && search === modelTitle(chosen) ? '' : search;
  const list = useKept(modelListQuery(asked === '' ? {} : { q: asked }));
  const found = useModels(list.data?.ids ?? []).filter((model) => model.lifecycle_state !== 'deleted');
  const models =
    chosen === undefined || found.some(({ id }) => id === chosen.id) ? found : [chosen, ...found];
  return (
    <Select
      className={css.pick ?? ''}
      label={t('explain.model')}
      placeholder={t('explain.modelPlaceholder')}
      searchable
      clearable
      searchValue={search}
      onSearchChange={setSearch}
      data={models.map((model) => ({ value: model.id, label: modelTitle(model) }))}
      filter={({ options }) => options}
      nothingFoundMessage={t('explain.noModels')}
      value={value}
      onChange={onChange}
    />
  );
}

function Answer({ who, modelId }: { readonly who: string; readonly modelId: string }): ReactNode {
  const { data: model, error } = useQuery(explainQuery(modelId, who));
  const { data: principal } = useQuery(principalQuery(who));
  if (error !== null) return <Refusal error={error} alert={false} />;
  if (model === undefined || principal === undefined) return <Pending rows={8} />;
  const rungs = model.requirements ?? [];
  if (rungs.length === 0) return <EmptyState>{t('notFound.body')}</EmptyState>;
  const names = { name: principal.name, model: modelTitle(model) };
  const can = rungs.every((rung) => rung.met);
  return (
    <Section title={t(can ? 'explain.can' : 'explain.cannot', names)}>
      <Ladder rungs={rungs} caller={principal.name} />
      <p className={css.row}>
        <Link href={`/models/${model.id}`}>{t('explain.openModel')}</Link>
        <Link href={`/access/people/${principal.id}`}>
          {t('explain.openPerson', { name: principal.name })}
        </Link>
      </p>
    </Section>
  );
}
