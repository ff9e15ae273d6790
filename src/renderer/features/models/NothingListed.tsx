import type { ReactNode } from 'react';
import { ENDPOINTS } from '../../../shared/contract/index.ts';
import type { LifecycleState } from '../../../shared/lifecycle/states.ts';
import { openDialog } from '../../app/dialogs.ts';
import { call } from '../../data/api.ts';
import type { ModelFilter, ModelPage } from '../../data/models.ts';
import { useQuery, type Query } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { SampleButton } from '../add-model/SampleButton.tsx';
import { parseFilter, toModelFilter, type ListState } from './filter.ts';

/** So many offers help; more confuse. */
const OFFERS = 4;

/** How many match, of counts that leave the state out of account. Pure. */
export function matchCount(counts: ModelPage['counts'], filter: ModelFilter): number {
  const states = filter.lifecycle_state?.split(',') as LifecycleState[] | undefined;
  return Object.entries(counts).reduce(
    (sum, [state, count]) => (states?.includes(state as LifecycleState) === false ? sum : sum + count),
    0,
  );
}

/** How many would match. */
function countQuery(filter: ModelFilter): Query<number> {
  return {
    key: `count ${JSON.stringify(filter)}`,
    about: ['model:*'],
    read: async (signal) =>
      matchCount(
        (await call(ENDPOINTS.listModels, { query: { ...filter, limit: 1 } }, { signal })).counts,
        filter,
      ),
  };
}

/** Why the list is empty: nothing is here yet, or the filter, whose parts can be taken away one by one. */
export function NothingListed({
  state,
  onShow,
}: {
  readonly state: ListState;
  readonly onShow: (change: Partial<ListState>) => void;
}): ReactNode {
  const { tokens } = parseFilter(state.text);
  if (tokens.length === 0 && state.view === 'all') return <NoModels />;
  const parts = [...(state.view === 'all' ? [] : [t(`models.view.${state.view}`)]), ...tokens];
  const without = [
    ...tokens.map((token) => ({
      token,
      change: { text: tokens.filter((one) => one !== token).join(' ') },
    })),
    ...(state.view === 'all'
      ? []
      : [{ token: t(`models.view.${state.view}`), change: { view: 'all' as const } }]),
  ];
  return (
    <EmptyState
      actions={
        <>
          {parts.length > 1 &&
            without
              .slice(0, OFFERS)
              .map(({ token, change }) => (
                <Without
                  key={token}
                  token={token}
                  state={{ ...state, ...change }}
                  onTake={() => onShow(change)}
                />
              ))}
          <ReasonButton onClick={() => onShow({ text: '', view: 'all' })}>{t('models.clear')}</ReasonButton>
        </>
      }
    >
      {t('models.noMatch', { filter: listWords(parts) })}
    </EmptyState>
  );
}

function listWords(parts: readonly string[]): string {
  if (parts.length < 2) return parts.join('');
  return t('models.noMatchAnd', { parts: parts.slice(0, -1).join(', '), last: parts.at(-1) ?? '' });
}

/** What is there without one part of the filter. */
function Without({
  token,
  state,
  onTake,
}: {
  readonly token: string;
  readonly state: ListState;
  readonly onTake: () => void;
}): ReactNode {
  const { data: count } = useQuery(countQuery(toModelFilter(parseFilter(state.text), state)));
  return (
    <ReasonButton onClick={onTake}>
      {count === undefined ? t('models.without', { token }) : t('models.withoutCount', { token, count })}
    </ReasonButton>
  );
}

function NoModels(): ReactNode {
  const superadmin = useMay('superadmin');
  return (
    <EmptyState
      actions={
        <>
          <ReasonButton variant="filled" changes onClick={() => openDialog({ kind: 'add-model' })}>
            {t('add.title')}
          </ReasonButton>
          {superadmin && <SampleButton />}
        </>
      }
    >
      {t('models.empty')}
      <br />
      {superadmin && t('models.emptySample')}
    </EmptyState>
  );
}
