import { Menu, Tabs } from '@mantine/core';
import { lazy, Suspense, useEffect, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Model } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { NotFound } from '../../app/NotFound.tsx';
import { toastDone } from '../../app/toasts.ts';
import { useModelDetail } from '../../data/models.ts';
import { lettersEnabled } from '../../data/preferences.ts';
import { copyText } from '../../parts/Copy.tsx';
import { Digest } from '../../parts/figures.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { isGone, NotThere } from '../../parts/NotThere.tsx';
import tabsCss from '../../parts/ObjectTabs.module.css';
import { ObjectTabs } from '../../parts/ObjectTabs.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { ActionItems } from './ActionItems.tsx';
import { refusalOf, runModelAction, verdictOf, type ModelAction } from './actions.ts';
import { ModelFacts } from './ModelFacts.tsx';
import { OverviewTab } from './OverviewTab.tsx';
import { useRights } from './rights.ts';
import { StateStrip } from './StateStrip.tsx';
import { versionWords } from './words.ts';
import css from './ModelPage.module.css';

const ArtifactsTab = lazy(() => import('./ArtifactsTab.tsx'));
const ValidationTab = lazy(() => import('./ValidationTab.tsx'));
const TestTab = lazy(() => import('./TestTab.tsx'));
const UsageTab = lazy(() => import('./UsageTab.tsx'));
const AccessTab = lazy(() => import('./AccessTab.tsx'));
const HistoryTab = lazy(() => import('./HistoryTab.tsx'));

const TABS = ['overview', 'artifacts', 'validation', 'test', 'usage', 'access', 'history'] as const;
export type ModelTab = (typeof TABS)[number];

const LETTERS: Record<string, readonly ModelAction[]> = {
  t: ['test'],
  v: ['validate'],
  a: ['activate', 'deactivate'],
  l: ['load'],
};

/** One model: its states, what is missing, its files and its histories. */
export default function ModelPage({
  id,
  tab,
}: {
  readonly id: string;
  readonly tab: string | undefined;
}): ReactNode {
  const answer = useModelDetail(id);
  const { data: model, error } = answer;
  const parent = { label: t('models.title'), to: '/models' };
  const known = (TABS as readonly string[]).includes(tab ?? 'overview');
  useModelLetters(model);
  if (isGone(error) || !known) return <NotFound parent={parent} />;
  if (model === undefined) return <NotThere id={id} parent={parent} answer={answer} />;
  return (
    <>
      <PageHeader
        title={model.name}
        parent={parent}
        facts={
          <>
            <span className={css.version}>{versionWords(model)}</span>
            <Digest value={model.checksum} scheme />
            {model.is_sample && <span>{t('models.sample')}</span>}
          </>
        }
      >
        <HeaderActions model={model} />
      </PageHeader>
      <StateStrip model={model} />
      {error !== null && <ErrorStrip flush tone="warn" sentence={t('list.failed')} hint={error.message} />}
      {model.lifecycle_state === 'deleted' && <ErrorStrip flush tone="warn" sentence={t('model.gone')} />}
      <ObjectTabs
        path={`/models/${id}`}
        tab={tab ?? 'overview'}
        tabs={TABS}
        labelOf={(one) => t(`model.tab.${one}`)}
        facts={<ModelFacts model={model} />}
      >
        {TABS.map((one) => (
          <Tabs.Panel key={one} value={one} className={tabsCss.panel ?? ''} tabIndex={0}>
            <Suspense fallback={<Pending />}>
              <TabContent tab={one} model={model} />
            </Suspense>
            {one === 'overview' && (
              <div className={tabsCss.folded}>
                <ModelFacts model={model} />
              </div>
            )}
          </Tabs.Panel>
        ))}
      </ObjectTabs>
    </>
  );
}

function TabContent({ tab, model }: { readonly tab: ModelTab; readonly model: Model }): ReactNode {
  switch (tab) {
    case 'overview':
      return <OverviewTab model={model} />;
    case 'artifacts':
      return <ArtifactsTab model={model} />;
    case 'validation':
      return <ValidationTab model={model} />;
    case 'test':
      return <TestTab model={model} />;
    case 'usage':
      return <UsageTab model={model} />;
    case 'access':
      return <AccessTab model={model} />;
    case 'history':
      return <HistoryTab subject={`model:${model.id}`} />;
  }
}

/** At most three: test, the lifecycle step at hand, and the rest. */
function HeaderActions({ model }: { readonly model: Model }): ReactNode {
  const rights = useRights(model);
  if (!rights.act) return null;
  const main: ModelAction = model.lifecycle_state === 'active' ? 'deactivate' : 'activate';
  const stay = (): void => navigate(`/models/${model.id}`);
  return (
    <>
      <ReasonButton
        changes
        reason={refusalOf(model, 'test')}
        onBlocked={stay}
        onClick={() => runModelAction(model, 'test')}
      >
        {t('modelAction.test')}
      </ReasonButton>
      <ReasonButton
        changes
        reason={refusalOf(model, main)}
        onBlocked={stay}
        onClick={() => runModelAction(model, main)}
      >
        {main === 'deactivate' ? t('modelActionMore.deactivate') : t('modelAction.activate')}
      </ReasonButton>
      <Menu width={300}>
        <Menu.Target>
          <ReasonButton>{t('action.more')}</ReasonButton>
        </Menu.Target>
        <Menu.Dropdown>
          <ActionItems model={model} without={['test', main]} />
          {model.hosting === 'cloud' && rights.edit && (
            <Menu.Item onClick={() => openDialog({ kind: 'replace-credential', modelId: model.id })}>
              {t('credential.replace')}
            </Menu.Item>
          )}
          <Menu.Divider />
          <CopyItems id={model.id} />
        </Menu.Dropdown>
      </Menu>
    </>
  );
}

function CopyItems({ id }: { readonly id: string }): ReactNode {
  const copy = (value: string): void =>
    void copyText(value).then(() => toastDone(t('palette.copied', { command: value })));
  return (
    <>
      <Menu.Item onClick={() => copy(id)}>{t('action.copyOf', { what: t('what.id') })}</Menu.Item>
      <Menu.Item onClick={() => copy(location.href)}>{t('action.copyOf', { what: t('what.url') })}</Menu.Item>
      <Menu.Item onClick={() => copy(`modelops models show ${id}`)}>
        {t('action.copyOf', { what: t('what.command') })}
      </Menu.Item>
    </>
  );
}

/** `T V A L` on the page of a model, unless the focus is somewhere that takes letters itself. */
function useModelLetters(model: Model | undefined): void {
  useEffect(() => {
    if (model === undefined) return undefined;
    const onKeyDown = (event: KeyboardEvent): void => {
      const target = event.target as HTMLElement;
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !lettersEnabled())
        return;
      if (target.closest('input, textarea, select, [role="dialog"], [role="menu"], [role="log"]') !== null)
        return;
      if (target.closest('main') === null) return;
      const action = LETTERS[event.key]?.find((one) => verdictOf(model, one).ok);
      if (action === undefined) return;
      event.preventDefault();
      runModelAction(model, action);
    };
    document.addEventListener('keydown', onKeyDown);
    return () => document.removeEventListener('keydown', onKeyDown);
  }, [model]);
}
