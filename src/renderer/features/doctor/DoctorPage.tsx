import { useEffect, type ReactNode } from 'react';
import type { EndpointOutput, ENDPOINTS } from '../../../shared/contract/index.ts';
import { doctorQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import css from './DoctorPage.module.css';

type Check = EndpointOutput<typeof ENDPOINTS.getDoctor>['checks'][number];
const GROUPS = ['agent', 'storage', 'runtimes', 'gpu', 'security'] as const;

/** Everything the node needs: what was found, what is wanted, what helps. */
export default function DoctorPage(): ReactNode {
  const { data, error, fetching, refresh } = useQuery(doctorQuery);
  useEffect(() => {
    const id = location.hash.slice(1);
    if (data !== undefined && id !== '')
      document.querySelector(`[data-check="${CSS.escape(id)}"]`)?.scrollIntoView();
  }, [data]);
  return (
    <>
      <PageHeader
        title={t('place.doctor')}
        facts={
          data === undefined ? null : (
            <>
              <span>{countWords(data.checks)}</span>
              <span>
                {t('doctor.checked')} <Time at={data.observed_at} as="ago" />
              </span>
            </>
          )
        }
      >
        <ReasonButton busy={fetching} busyLabel={t('doctor.running')} onClick={refresh}>
          {t('doctor.again')}
        </ReasonButton>
      </PageHeader>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={css.page} tabIndex={0} role="region" aria-label={t('place.doctor')}>
        {error !== null && <Refusal error={error} alert={false} />}
        {data === undefined && error === null && <Pending rows={10} rowHeight={40} />}
        {data !== undefined &&
          GROUPS.map((group) => {
            const checks = data.checks.filter((check) => check.group === group);
            if (checks.length === 0) return null;
            return (
              <Section key={group} title={t(`doctor.group.${group}`)}>
                <ul>
                  {checks.map((check) => (
                    <CheckRow key={check.id} check={check} />
                  ))}
                </ul>
              </Section>
            );
          })}
        {data !== undefined && (
          <p className={css.cli}>
            {t('doctor.cli')}{' '}
            <Copy value="modelops doctor" what={t('what.command')}>
              <code>modelops doctor</code>
            </Copy>
          </p>
        )}
      </div>
    </>
  );
}

function countWords(checks: readonly Check[]): string {
  const failed = checks.filter((check) => check.status === 'failed').length;
  const warnings = checks.filter((check) => check.status === 'warning').length;
  if (failed + warnings === 0) return t('doctor.allGood');
  return t('doctor.problems', { failed, warnings, both: failed > 0 && warnings > 0 ? 'yes' : 'no' });
}

/** Some checks find a moment; it is shown as times are shown here. */
function isTime(found: string): boolean {
  return /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(found);
}

function CheckRow({ check }: { readonly check: Check }): ReactNode {
  const wrong = check.status === 'failed' || check.status === 'warning';
  return (
    <li className={css.check} data-check={check.id} data-status={check.status}>
      <StateMark axis="check" state={check.status} size={12} />
      <span className={css.title}>{check.title}</span>
      <div className={css.found}>
        <div>{isTime(check.found) ? <Time at={check.found} /> : <Sentence text={check.found} />}</div>
        {wrong && check.wanted !== null && (
          <div className={css.dim}>
            {t('doctor.wanted')}: {check.wanted}
          </div>
        )}
        {check.hint !== null && check.hint !== '' && (
          <div className={css.hint}>
            <Sentence text={check.hint} />
          </div>
        )}
      </div>
    </li>
  );
}
