import { useEffect, useState, type ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { modelQuery, useModels } from '../../data/models.ts';
import { queries } from '../../data/queries.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { BULK_ACTIONS, changeMany, refusalOf, type BulkAction, type BulkOutcome } from './actions.ts';
import { modelTitle } from './words.ts';
import css from './BulkBar.module.css';

/** What can be done with the selection, and with how many of it. Fixed at the foot of the list. */
export function BulkBar({
  selected,
  shown,
  onSelect,
}: {
  readonly selected: ReadonlySet<string>;
  readonly shown: ReadonlySet<string>;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
}): ReactNode {
  const details = useDetails(selected);
  const [asked, setAsked] = useState<BulkAction | null>(null);
  const [busy, setBusy] = useState<BulkAction | null>(null);
  const [outcome, setOutcome] = useState<BulkOutcome | null>(null);
  const hidden = [...selected].filter((id) => !shown.has(id)).length;

  const run = async (action: BulkAction, ids: readonly string[]): Promise<void> => {
    setBusy(action);
    try {
      setOutcome(await changeMany(ids, action));
    } finally {
      setBusy(null);
    }
  };
  const able = (action: BulkAction): Model[] => details.filter((model) => refusalOf(model, action) === null);

  return (
    <section className={css.bar} aria-label={t('models.bulk.label')}>
      <span className={css.count}>
        {t('models.bulk.selected', { count: selected.size })}
        {hidden > 0 && <span className={css.hidden}> {t('models.bulk.hidden', { count: hidden })}</span>}
      </span>
      {BULK_ACTIONS.map((action) => {
        const ids = able(action).map((model) => model.id);
        const [first] = details;
        const reason =
          ids.length > 0 || first === undefined
            ? null
            : t('models.bulk.none', { reason: refusalOf(first, action) ?? '' });
        return (
          <ReasonButton
            key={action}
            changes
            reason={reason}
            busy={busy === action}
            busyLabel={t('models.bulk.running')}
            onClick={() => {
              if (action === 'deactivate' || action === 'unregister') setAsked(action);
              else void run(action, ids);
            }}
          >
            {ids.length === selected.size || ids.length === 0
              ? t('models.bulk.doAll', { action: t(`modelAction.${action}`), all: selected.size })
              : t('models.bulk.do', {
                  action: t(`modelAction.${action}`),
                  able: ids.length,
                  all: selected.size,
                })}
          </ReasonButton>
        );
      })}
      <ReasonButton variant="subtle" onClick={() => onSelect(new Set())}>
        {t('models.bulk.clear')}
      </ReasonButton>
      {outcome !== null && <Outcome outcome={outcome} onRetry={(ids) => void run(outcome.action, ids)} />}
      {(asked === 'deactivate' || asked === 'unregister') && (
        <Confirm
          title={t('models.bulk.confirm', { action: t(`modelAction.${asked}`), count: able(asked).length })}
          keep={t('models.bulk.keep')}
          verb={t('models.bulk.doAll', { action: t(`modelAction.${asked}`), all: able(asked).length })}
          busyVerb={t('models.bulk.running')}
          onClose={() => setAsked(null)}
          onConfirm={() =>
            run(
              asked,
              able(asked).map((model) => model.id),
            )
          }
        >
          <p>{t(`models.bulk.${asked}`)}</p>
          <ul className={css.names}>
            {able(asked).map((model) => (
              <li key={model.id}>{modelTitle(model)}</li>
            ))}
          </ul>
        </Confirm>
      )}
    </section>
  );
}

function Outcome({
  outcome: { done, refused },
  onRetry,
}: {
  readonly outcome: BulkOutcome;
  readonly onRetry: (ids: readonly string[]) => void;
}): ReactNode {
  return (
    <div className={css.outcome} role="status">
      <StateMark axis="check" state={refused.length === 0 ? 'ok' : 'warning'} plain>
        {t('models.bulk.outcome', { done: done.length, refused: refused.length })}
      </StateMark>
      {refused.length > 0 && (
        <>
          <ul className={css.reasons}>
            {refused.map(({ id, error }) => (
              <li key={id}>
                <span className="mono">{id}</span> {error.message}
              </li>
            ))}
          </ul>
          <ReasonButton size="xs" changes onClick={() => onRetry(refused.map(({ id }) => id))}>
            {t('models.bulk.retry', { count: refused.length })}
          </ReasonButton>
        </>
      )}
    </div>
  );
}

/** Whole models with the agent's verdicts, read as they are selected. */
function useDetails(selected: ReadonlySet<string>): readonly Model[] {
  const [details, setDetails] = useState<readonly Model[]>([]);
  const rows = useModels([...selected]);
  // By id and revision: a row that changed has new verdicts.
  const versions = rows.map((model) => `${model.id}@${model.rev}`).join(' ');
  useEffect(() => {
    let current = true;
    const read = async (): Promise<void> => {
      // One that is gone, or not to be seen any more, counts as one that cannot do it.
      const ids = versions
        .split(' ')
        .flatMap((version) => (version === '' ? [] : (version.split('@')[0] ?? [])));
      const all = await Promise.allSettled(ids.map((id) => queries.fetch(modelQuery(id))));
      if (current) setDetails(all.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : [])));
    };
    void read();
    return () => {
      current = false;
    };
  }, [versions]);
  return details;
}
