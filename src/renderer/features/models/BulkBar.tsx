import { Menu } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import type { BulkAction, Model } from '../../../shared/contract/index.ts';
import { useOfflineReason } from '../../data/connection.ts';
import type { ModelFilter } from '../../data/models.ts';
import { useMay } from '../../data/session.ts';
import { formatCount } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import actionCss from './ActionItems.module.css';
import { askMany, bulkRefusal, byReason, type BulkOutcome, type BulkRequest } from './bulk.ts';
import { BulkDialog, type AskedAction } from './BulkDialog.tsx';
import { useVerdicts } from './use-verdicts.ts';
import css from './BulkBar.module.css';

/** In reach at once; the others are in the menu. */
const BUTTONS = ['register', 'activate', 'deactivate', 'check'] as const satisfies readonly BulkAction[];
const IN_MENU = [
  'tag',
  'untag',
  'set_visibility',
  'unregister',
  'delete',
] as const satisfies readonly BulkAction[];
/** They ask for something first, or say what they would do. */
const ASKED: ReadonlySet<BulkAction> = new Set([
  'deactivate',
  'unregister',
  'delete',
  'tag',
  'untag',
  'set_visibility',
]);
/** For superadmins, as single changes are. */
const EDITS: ReadonlySet<BulkAction> = new Set(['tag', 'untag', 'set_visibility', 'delete']);

export interface BulkBarProps {
  readonly selected: ReadonlySet<string>;
  readonly shown: ReadonlySet<string>;
  /** The list they were selected in. */
  readonly filter: ModelFilter;
  /** How many match beyond what is loaded; null when all that match are here. */
  readonly more: number | null;
  readonly onSelect: (selected: ReadonlySet<string>) => void;
  readonly onSelectAll: () => Promise<void>;
}

interface Running {
  readonly action: BulkAction;
  readonly asked: number;
  readonly all: number;
}

/** What can be done with the selection, and with how many of it. Fixed at the foot of the list. */
export function BulkBar(props: BulkBarProps): ReactNode {
  const { selected, shown, onSelect } = props;
  const superadmin = useMay('superadmin');
  const { known, complete } = useVerdicts(selected, props.filter);
  const [asked, setAsked] = useState<AskedAction | null>(null);
  const [running, setRunning] = useState<Running | null>(null);
  const [outcome, setOutcome] = useState<BulkOutcome | null>(null);
  if (selected.size === 0 && outcome === null) return null;
  const models = [...selected].flatMap((id) => known.get(id) ?? []);
  const hidden = [...selected].filter((id) => !shown.has(id)).length;
  const able = (action: BulkAction): Model[] => models.filter((model) => bulkRefusal(model, action) === null);

  const run = async (request: BulkRequest, ids: readonly string[]): Promise<void> => {
    setOutcome(null);
    setRunning({ action: request.action, asked: 0, all: ids.length });
    try {
      const result = await askMany(request, ids, (count) =>
        setRunning({ action: request.action, asked: count, all: ids.length }),
      );
      setOutcome(result);
      if (request.action === 'delete')
        onSelect(new Set([...selected].filter((id) => !result.done.includes(id))));
    } finally {
      setRunning(null);
    }
  };
  const start = (action: BulkAction): void => {
    if (ASKED.has(action)) setAsked(action as AskedAction);
    else
      void run(
        { action },
        able(action).map((model) => model.id),
      );
  };
  const describe = (action: BulkAction): BulkChoice => {
    const count = able(action).length;
    const [first] = models;
    return {
      label: labelOf(action, count, selected.size),
      reason:
        count > 0
          ? null
          : !complete || first === undefined
            ? t('models.bulk.reading')
            : t('models.bulk.none', { reason: bulkRefusal(first, action) ?? '' }),
    };
  };

  return (
    <section className={css.bar} aria-label={t('models.bulk.label')}>
      {selected.size > 0 && (
        <>
          <Selected {...props} hidden={hidden} />
          {BUTTONS.map((action) => {
            const { label, reason } = describe(action);
            return (
              <ReasonButton
                key={action}
                changes
                reason={running === null ? reason : t('models.bulk.oneAtATime')}
                onClick={() => start(action)}
              >
                {label}
              </ReasonButton>
            );
          })}
          <BulkMenu
            actions={IN_MENU.filter((action) => superadmin || !EDITS.has(action))}
            describe={describe}
            onAction={start}
          />
          <ReasonButton variant="subtle" onClick={() => onSelect(new Set())}>
            {t('models.bulk.clear')}
          </ReasonButton>
        </>
      )}
      {running !== null && (
        <p className={css.outcome} role="status">
          {t('models.bulk.progress', { asked: formatCount(running.asked), all: formatCount(running.all) })}
        </p>
      )}
      {outcome !== null && (
        <Outcome
          outcome={outcome}
          onRetry={() =>
            void run(
              outcome.request,
              outcome.refused.map(({ id }) => id),
            )
          }
          onClose={() => setOutcome(null)}
        />
      )}
      {asked !== null && (
        <BulkDialog
          action={asked}
          models={able(asked)}
          onClose={() => setAsked(null)}
          onConfirm={(request) => {
            setAsked(null);
            void run(
              request,
              able(asked).map((model) => model.id),
            );
          }}
        />
      )}
    </section>
  );
}

interface BulkChoice {
  readonly label: string;
  readonly reason: string | null;
}

function labelOf(action: BulkAction, able: number, all: number): string {
  const verb = t(`bulkAction.${action}`);
  const dots = ASKED.has(action) ? '…' : '';
  return able === all || able === 0
    ? t('models.bulk.doAll', { action: verb, all: formatCount(all), dots })
    : t('models.bulk.do', { action: verb, able: formatCount(able), all: formatCount(all), dots });
}

/** How many are selected, how many of them the filter hides, and the way to select the rest. */
function Selected({
  selected,
  hidden,
  more,
  onSelectAll,
}: BulkBarProps & { readonly hidden: number }): ReactNode {
  const [busy, setBusy] = useState(false);
  return (
    <span className={css.count}>
      {t('models.bulk.selected', { count: selected.size })}
      {hidden > 0 && <span className={css.hidden}> {t('models.bulk.hidden', { count: hidden })}</span>}
      {more !== null && selected.size < more && (
        <ReasonButton
          size="xs"
          variant="subtle"
          busy={busy}
          busyLabel={t('models.bulk.selecting')}
          onClick={() => {
            setBusy(true);
            void onSelectAll().finally(() => setBusy(false));
          }}
        >
          {t('models.bulk.selectAll', { count: formatCount(more) })}
        </ReasonButton>
      )}
    </span>
  );
}

function BulkMenu({
  actions,
  describe,
  onAction,
}: {
  readonly actions: readonly BulkAction[];
  readonly describe: (action: BulkAction) => BulkChoice;
  readonly onAction: (action: BulkAction) => void;
}): ReactNode {
  const offline = useOfflineReason();
  return (
    <Menu width={300} position="top-end">
      <Menu.Target>
        <ReasonButton>{t('action.more')}</ReasonButton>
      </Menu.Target>
      <Menu.Dropdown>
        {actions.map((action) => {
          const { label, reason: refused } = describe(action);
          const reason = refused ?? offline;
          return (
            <Menu.Item
              key={action}
              aria-disabled={reason !== null}
              className={reason === null ? '' : actionCss.refused}
              closeMenuOnClick={reason === null}
              onClick={() => reason === null && onAction(action)}
            >
              {label}
              {reason !== null && <span className={actionCss.reason}>{reason}</span>}
            </Menu.Item>
          );
        })}
      </Menu.Dropdown>
    </Menu>
  );
}

/** `18 activated, 2 refused`, why, and the way to try those again. */
function Outcome({
  outcome: { request, done, refused },
  onRetry,
  onClose,
}: {
  readonly outcome: BulkOutcome;
  readonly onRetry: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const words = t(`bulkDone.${request.action}`, { count: done.length });
  return (
    <div className={css.outcome}>
      <span role="status">
        <StateMark axis="check" state={refused.length === 0 ? 'ok' : 'warning'} plain>
          {refused.length === 0
            ? t('models.bulk.outcomeAll', { done: words })
            : t('models.bulk.outcome', { done: words, refused: refused.length })}
        </StateMark>
      </span>
      {refused.length > 0 && (
        <ul className={css.reasons}>
          {byReason(refused).map(({ message, ids }) => (
            <li key={message}>
              <span className="mono" title={ids.join(', ')}>
                {ids.length > 3
                  ? t('models.bulk.some', {
                      ids: ids.slice(0, 2).join(', '),
                      more: formatCount(ids.length - 2),
                    })
                  : ids.join(', ')}
              </span>{' '}
              {message}
            </li>
          ))}
        </ul>
      )}
      {refused.length > 0 && (
        <ReasonButton size="xs" changes onClick={onRetry}>
          {t('models.bulk.retry', { count: refused.length })}
        </ReasonButton>
      )}
      <ReasonButton size="xs" variant="subtle" onClick={onClose}>
        {t('action.dismiss')}
      </ReasonButton>
    </div>
  );
}
