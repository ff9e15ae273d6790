import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { ENDPOINTS, type Model, type Validation } from '../../../shared/contract/index.ts';
import { call } from '../../data/api.ts';
import { useNow } from '../../data/now.ts';
import { validationsQuery } from '../../data/node.ts';
import { useQuery, type Query } from '../../data/queries.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Digest, Time } from '../../parts/figures.tsx';
import { formatDuration } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { Who } from '../../parts/Who.tsx';
import { known, t } from '../../strings/text.ts';
import { useChecks } from './checks.ts';
import { CheckTable } from './CheckTable.tsx';
import { Json } from './Json.tsx';
import { useRights } from './rights.ts';
import { validationState } from './words.ts';
import css from './ValidationTab.module.css';

/** Whether it is validated now, on what, until when; what the validators say; and every validation there was. */
export default function ValidationTab({ model }: { readonly model: Model }): ReactNode {
  return (
    <div className={css.tab}>
      <Now model={model} />
      <Validators model={model} />
      <History model={model} />
    </div>
  );
}

function Now({ model }: { readonly model: Model }): ReactNode {
  const state = validationState(model);
  const current = model.current_validations ?? [];
  return (
    <Section title={t('validation.now')}>
      <p className={css.now}>
        <StateMark axis="validation" state={state} />
        <span>
          {model.validation_error?.message ??
            t(
              state === 'current' && model.hosting === 'cloud'
                ? 'validation.sentence.currentCloud'
                : `validation.sentence.${state === 'stale' ? 'never' : state}`,
            )}
        </span>
        {model.last_validated_at !== null && (
          <span className={css.dim}>
            <Time at={model.last_validated_at} as="ago" />
          </span>
        )}
      </p>
      {current.length > 0 && (
        <SimpleTable
          label={t('validation.where')}
          head={[
            t('validation.runtime'),
            t('validation.when'),
            ...(model.hosting === 'cloud' ? [t('validation.expires')] : []),
          ]}
          rows={current.map((validation) => ({
            id: validation.validation_id,
            cells: [
              <RuntimeIdentity key="runtime" value={validation.runtime_identity} />,
              <Time key="when" at={validation.validated_at} as="ago" />,
              ...(model.hosting === 'cloud' ? [<Expires key="expires" at={validation.expires_at} />] : []),
            ],
          }))}
        />
      )}
    </Section>
  );
}

/** The digest of a runtime, or of what a provider runs. */
function RuntimeIdentity({ value }: { readonly value: string | null }): ReactNode {
  const remote = value?.startsWith('remote:') === true ? value.slice('remote:'.length) : null;
  if (remote === null) return <Digest value={value} />;
  return (
    <span title={value ?? undefined}>
      {t('validation.atProvider')} <Digest value={remote} />
    </span>
  );
}

/** `in 22 h, renews itself`. */
function Expires({ at }: { readonly at: string | null }): ReactNode {
  const now = useNow(60_000);
  if (at === null) return t('validation.noExpiry');
  const left = Date.parse(at) - now;
  return (
    <time dateTime={at} title={at}>
      {left <= 0 ? t('validation.expired') : t('validation.expiresIn', { span: hours(left) })}
    </time>
  );
}

const HOUR = 3_600_000;

/** Whole hours from one on. Pure. */
function hours(ms: number): string {
  return ms >= HOUR ? `${Math.floor(ms / HOUR)} h` : formatDuration(Math.floor(ms / 60_000) * 60_000);
}

const validatorsQuery: Query<readonly Validator[]> = {
  key: 'validators',
  about: [],
  read: async (signal) => (await call(ENDPOINTS.listValidators, {}, { signal })).validators,
};
type Validator = Awaited<ReturnType<typeof call<typeof ENDPOINTS.listValidators>>>['validators'][number];

/** What each validator says, or what it will be asked. */
function Validators({ model }: { readonly model: Model }): ReactNode {
  const { act } = useRights(model);
  const { checks, at, busy, error, ask } = useChecks(model);
  const { data: validators } = useQuery(validatorsQuery);
  const asked = (validators ?? []).filter((validator) => validator.hosting.includes(model.hosting));
  return (
    <Section
      title={t('checks.title')}
      facts={
        at !== undefined && (
          <>
            {t('checks.asked')} <Time at={at} as="ago" />
          </>
        )
      }
    >
      {error !== null && <Refusal error={error} />}
      {checks !== undefined && checks.length > 0 ? (
        <CheckTable label={t('checks.title')} checks={checks} />
      ) : (
        asked.length > 0 && (
          <SimpleTable
            label={t('checks.title')}
            head={[t('checks.validator'), t('checks.asks'), t('checks.counts')]}
            rows={asked.map((validator) => ({
              id: validator.validator_kind,
              cells: [
                validator.title,
                validator.description,
                t(validator.required ? 'checks.required' : 'checks.told'),
              ],
            }))}
          />
        )
      )}
      {act && (
        <div className={css.gap}>
          <ReasonButton changes busy={busy} busyLabel={t('checks.asking')} onClick={() => void ask()}>
            {t('checks.ask')}
          </ReasonButton>
        </div>
      )}
    </Section>
  );
}

function History({ model }: { readonly model: Model }): ReactNode {
  const { data, error } = useQuery(validationsQuery(model.id));
  return (
    <Section title={t('validation.history')} {...(data === undefined ? {} : { facts: data.length })}>
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending />}
      {data?.length === 0 && (
        <EmptyState actions={<Link href={`/models/${model.id}/test`}>{t('modelAction.test')}</Link>}>
          {t(model.hosting === 'cloud' ? 'validation.emptyCloud' : 'validation.empty')}
        </EmptyState>
      )}
      {data !== undefined && data.length > 0 && (
        <SimpleTable
          label={t('validation.history')}
          head={[
            t('validation.result'),
            t('validation.summary'),
            t('validation.why'),
            t('validation.runtime'),
            t('history.who'),
            t('validation.when'),
          ]}
          align={[undefined, undefined, undefined, undefined, undefined, 'end']}
          rows={data.map((validation) => ({
            id: validation.id,
            cells: [
              <StateMark
                key="result"
                axis="validation"
                state={validation.result === 'success' ? 'current' : 'failed'}
                size={12}
              >
                {t(`test.result.${validation.result}`)}
              </StateMark>,
              validation.summary,
              known(`trigger.${validation.trigger_reason}`) ?? validation.trigger_reason,
              <RuntimeIdentity key="runtime" value={validation.runtime_identity} />,
              <Who key="who" id={validation.validated_by} />,
              <Time key="when" at={validation.created_at} as="ago" />,
            ],
            detail: <Details validation={validation} />,
          }))}
        />
      )}
    </Section>
  );
}

function Details({ validation }: { readonly validation: Validation }): ReactNode {
  return (
    <div className={css.details}>
      <Facts
        facts={[
          [
            t('fact.id'),
            <span key="id" className="mono">
              {validation.id}
            </span>,
          ],
          [t('validation.kind'), validation.validator_kind],
          [t('validation.fingerprint'), <Digest key="print" value={validation.config_fingerprint} />],
          ...(validation.test_run_id === null
            ? []
            : [
                [
                  t('validation.testRun'),
                  <span key="run" className="mono">
                    {validation.test_run_id}
                  </span>,
                ] as const,
              ]),
          ...(validation.expires_at === null
            ? []
            : [[t('validation.expires'), <Time key="expires" at={validation.expires_at} />] as const]),
        ]}
      />
      {validation.checks.length > 0 && <CheckTable label={t('checks.title')} checks={validation.checks} />}
      {validation.error_details !== null && <Json value={validation.error_details} />}
    </div>
  );
}
