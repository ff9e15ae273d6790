import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Runtime, Slot } from '../../../shared/contract/index.ts';
import { useSlots } from '../../data/live.ts';
import { usePolled } from '../../data/lists.ts';
import { useQuery } from '../../data/queries.ts';
import { runtimeListQuery, type Runtimes } from '../../data/runtimes.ts';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { Section } from '../../parts/Section.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { ImagesSection } from './ImagesSection.tsx';
import css from './runtimes.module.css';

/** What can run models on this machine, why something cannot, and the images it takes. */
export default function RuntimesPage(): ReactNode {
  const { data, error } = useQuery(runtimeListQuery);
  usePolled(runtimeListQuery.key);
  return (
    <>
      <PageHeader
        title={t('place.runtimes')}
        facts={
          data === undefined
            ? null
            : t('runtimes.count', {
                count: data.runtimes.length,
                available: data.runtimes.filter((runtime) => runtime.available).length,
              })
        }
      />
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
      <div className={css.page} tabIndex={0} role="region" aria-label={t('place.runtimes')}>
        {error !== null && <Refusal error={error} alert={false} />}
        {data === undefined && error === null && <Pending rows={5} rowHeight={40} />}
        {data !== undefined && (
          <>
            <Problems problems={data.problems} />
            <RuntimeTable runtimes={data.runtimes} />
          </>
        )}
        <ImagesSection />
      </div>
    </>
  );
}

function Problems({ problems }: { readonly problems: Runtimes['problems'] }): ReactNode {
  return problems.map(({ file, message, line, column }) => (
    <ErrorStrip
      key={`${file} ${line} ${column} ${message}`}
      tone="warn"
      sentence={<Sentence text={t('runtimes.problem', { file, message })} />}
      hint={[
        line === null ? '' : t('runtimes.problemAt', { line: String(line), column: String(column ?? 1) }),
        t('runtimes.problemHint'),
      ]
        .join(' ')
        .trim()}
    />
  ));
}

function RuntimeTable({ runtimes }: { readonly runtimes: readonly Runtime[] }): ReactNode {
  const slots = useSlots() ?? [];
  return (
    <Section title={t('runtimes.list')}>
      <p className={css.about}>{t('runtimes.about')}</p>
      <SimpleTable
        label={t('runtimes.list')}
        head={[
          t('runtimes.col.state'),
          t('runtimes.col.runtime'),
          t('runtimes.col.engine'),
          t('runtimes.col.device'),
          t('runtimes.col.image'),
          t('runtimes.col.used'),
        ]}
        rows={runtimes.map((runtime) => ({
          id: runtime.id,
          cells: [
            <Availability key="state" runtime={runtime} />,
            <RuntimeCell key="runtime" runtime={runtime} />,
            engineWords(runtime),
            <span key="device" className={css.nowrap}>
              {t(`runtimes.device.${runtime.device}`)}
            </span>,
            <ImageCell key="image" runtime={runtime} />,
            <Users key="used" slots={slots.filter((slot) => slot.runtime_spec === runtime.id)} />,
          ],
        }))}
      />
    </Section>
  );
}

export function Availability({ runtime }: { readonly runtime: Runtime }): ReactNode {
  return (
    <span className={css.nowrap}>
      <StateMark axis="check" state={runtime.available ? 'ok' : 'skipped'} size={12}>
        {t(runtime.available ? 'runtimes.available' : 'runtimes.unavailable')}
      </StateMark>
    </span>
  );
}

function RuntimeCell({ runtime }: { readonly runtime: Runtime }): ReactNode {
  return (
    <div className={css.cell}>
      <div>
        <Link href={`/runtimes/${runtime.id}`} className={css.strong}>
          {runtime.id}
        </Link>{' '}
        <span className={css.dim}>{runtime.name}</span>
      </div>
      {runtime.unavailable !== null && (
        <div className={css.dim} title={runtime.unavailable.message}>
          {runtime.unavailable.error === 'image_missing' && runtime.image !== null
            ? t('runtimes.imageMissing')
            : runtime.unavailable.message}
        </div>
      )}
    </div>
  );
}

function engineWords({ driver, version }: Runtime): string {
  const word = t(`runtimes.driver.${driver}`);
  return version === null ? word : `${word}, ${version}`;
}

function ImageCell({ runtime }: { readonly runtime: Runtime }): ReactNode {
  if (runtime.driver !== 'docker') return <span className={css.dim}>{t('runtimes.noImage')}</span>;
  if (runtime.image === null) return <span className={css.dim}>{t('runtimes.ownImage')}</span>;
  return (
    <div className={css.cell}>
      <span className={css.reference}>{runtime.image}</span>
      {!runtime.verified && <div className={css.dim}>{t('runtimes.unverified')}</div>}
    </div>
  );
}

function Users({ slots }: { readonly slots: readonly Slot[] }): ReactNode {
  if (slots.length === 0) return <span className={css.dim}>{t('runtimes.usedByNone')}</span>;
  return (
    <span className={css.links}>
      {slots.map((slot) => (
        <Link key={slot.id} href={`/slots/${slot.id}`}>
          {slot.id}
        </Link>
      ))}
    </span>
  );
}
