import { SegmentedControl } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { shortDigest, type Image, type Job } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toggleLayer } from '../../app/layers.ts';
import { hasEnded, useJobs } from '../../data/live.ts';
import { useKept, usePolled } from '../../data/lists.ts';
import { useMutation } from '../../data/mutate.ts';
import { useNow } from '../../data/now.ts';
import { profileQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { imagesQuery, pullImage } from '../../data/runtimes.ts';
import { useMay } from '../../data/session.ts';
import { Copy } from '../../parts/Copy.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Bytes, Digest } from '../../parts/figures.tsx';
import { UNKNOWN } from '../../parts/format.ts';
import { JobProgress } from '../../parts/JobProgress.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import css from './runtimes.module.css';

/** Images: what slots and runtimes need, whether it is here, and the ways to bring it and to let it go. */
export function ImagesSection(): ReactNode {
  const [view, setView] = useState<'needed' | 'all'>('needed');
  const query = imagesQuery(view === 'all');
  const list = useKept(query);
  usePolled(query.key);
  const mayAct = useMay('superadmin');
  const { data: profile } = useQuery(profileQuery);
  const isOffline = profile?.profile === 'offline';
  const { data: images, error } = list;
  return (
    <Section
      title={t('images.title')}
      facts={
        images === undefined
          ? undefined
          : t('images.count', {
              count: images.length,
              missing: images.filter((image) => !image.present).length,
            })
      }
    >
      <div className={css.tools}>
        <SegmentedControl
          aria-label={t('images.view')}
          value={view}
          onChange={setView}
          data={(['needed', 'all'] as const).map((value) => ({ value, label: t(`images.view.${value}`) }))}
        />
        {mayAct && <ImageTools isOffline={isOffline} />}
      </div>
      {isOffline && (
        <ErrorStrip
          tone="blue"
          sentence={t('images.offline')}
          actions={
            <ReasonButton size="xs" onClick={() => toggleLayer('profile')}>
              {t('credentials.seeProfile')}
            </ReasonButton>
          }
        />
      )}
      <RunningJobs />
      {error !== null && <Refusal error={error} alert={false} />}
      {images === undefined && error === null && <Pending rows={4} rowHeight={40} />}
      {images !== undefined &&
        (images.length === 0 ? (
          <EmptyState>{t('images.empty')}</EmptyState>
        ) : (
          <ImageTable images={images} isOffline={isOffline} />
        ))}
    </Section>
  );
}

function ImageTools({ isOffline }: { readonly isOffline: boolean }): ReactNode {
  return (
    <div className={css.buttons}>
      <ReasonButton
        changes
        reason={isOffline ? t('images.offlineReason') : null}
        onBlocked={() => toggleLayer('profile')}
        onClick={() => openDialog({ kind: 'images', ask: 'pull', reference: null })}
      >
        {t('images.pull')}
      </ReasonButton>
      <ReasonButton changes onClick={() => openDialog({ kind: 'images', ask: 'import', reference: null })}>
        {t('images.import')}
      </ReasonButton>
      <ReasonButton changes onClick={() => openDialog({ kind: 'images', ask: 'prune', reference: null })}>
        {t('images.prune')}
      </ReasonButton>
    </div>
  );
}

function ImageTable({
  images,
  isOffline,
}: {
  readonly images: readonly Image[];
  readonly isOffline: boolean;
}): ReactNode {
  const mayAct = useMay('superadmin');
  const actions = mayAct ? [''] : [];
  return (
    <SimpleTable
      label={t('images.title')}
      head={[
        t('images.col.state'),
        t('images.col.image'),
        t('images.col.version'),
        t('images.col.size'),
        t('images.col.needed'),
        ...actions,
      ]}
      align={[undefined, undefined, undefined, 'end', undefined, 'end']}
      rows={images.map((image) => ({
        id: image.id ?? nameOf(image),
        cells: [
          <ImageState key="state" image={image} />,
          <ImageName key="image" image={image} />,
          image.version ?? (
            <span key="version" title={t('unknown.because', { reason: t('images.noVersion') })}>
              {UNKNOWN}
            </span>
          ),
          <Bytes key="size" value={image.size_bytes} reason={t('images.noSize')} />,
          <NeededBy key="needed" image={image} />,
          ...(mayAct ? [<RowAction key="action" image={image} isOffline={isOffline} />] : []),
        ],
      }))}
    />
  );
}

/** What people call it: as slots and runtimes do, else by its first name, else by its id. */
function nameOf(image: Image): string {
  return image.needed_references[0] ?? image.references[0] ?? image.id ?? '';
}

function ImageState({ image }: { readonly image: Image }): ReactNode {
  if (!image.present)
    return (
      <span className={css.nowrap}>
        <StateMark axis="check" state={image.needed_by_slots.length > 0 ? 'failed' : 'skipped'} size={12}>
          {t('images.missing')}
        </StateMark>
      </span>
    );
  const isChanged = image.changed_from !== null;
  return (
    <span
      className={css.nowrap}
      title={isChanged ? t('images.changedFrom', { id: image.changed_from ?? '' }) : undefined}
    >
      <StateMark axis="check" state={isChanged ? 'warning' : 'ok'} size={12}>
        {[t('images.here'), ...(isChanged ? [t('images.changed')] : [])].join(', ')}
      </StateMark>
    </span>
  );
}

function ImageName({ image }: { readonly image: Image }): ReactNode {
  const name = image.needed_references[0] ?? image.references[0];
  return (
    <div className={css.cell}>
      <span className={name === undefined ? css.dim : css.reference}>{name ?? t('images.noName')}</span>
      {image.id !== null && (
        <div className={css.dim}>
          <Copy value={image.id} what={t('what.digest')}>
            <Digest value={image.id} scheme />
          </Copy>
          {image.changed_from !== null && (
            <span className={css.was} title={t('images.changedFrom', { id: image.changed_from })}>
              {t('images.was', { id: shortDigest(image.changed_from) })}
            </span>
          )}
        </div>
      )}
    </div>
  );
}

function NeededBy({ image }: { readonly image: Image }): ReactNode {
  const { needed_by_slots: slots, needed_by_runtimes: runtimes, in_use: inUse } = image;
  return (
    <div className={css.cell}>
      <span className={css.links}>
        {slots.map((id) => (
          <Link key={`slot ${id}`} href={`/slots/${id}`}>
            {id}
          </Link>
        ))}
        {runtimes.map((id) => (
          <Link key={`runtime ${id}`} href={`/runtimes/${id}`}>
            {t('images.runtime', { id })}
          </Link>
        ))}
        {slots.length + runtimes.length === 0 && !inUse && (
          <span className={css.dim}>{t('images.neededByNone')}</span>
        )}
        {inUse && (
          <span className={css.dim} title={t('images.inUseNote')}>
            {t('images.inUse')}
          </span>
        )}
      </span>
    </div>
  );
}

function RowAction({ image, isOffline }: { readonly image: Image; readonly isOffline: boolean }): ReactNode {
  const name = nameOf(image);
  const pull = useMutation(startPull);
  const jobs = useJobs() ?? [];
  const isComing = jobs.some(
    (job) => job.kind === 'image_pull' && !hasEnded(job) && job.title.endsWith(` ${name}`),
  );
  if (image.present) {
    const exported = image.references[0] ?? image.id ?? '';
    return (
      <ReasonButton
        size="xs"
        changes
        aria-label={t('images.exportOf', { image: name })}
        onClick={() => openDialog({ kind: 'images', ask: 'export', reference: exported })}
      >
        {t('images.export')}
      </ReasonButton>
    );
  }
  return (
    <>
      <ReasonButton
        size="xs"
        changes
        aria-label={t('images.pullOf', { image: name })}
        reason={isComing ? t('images.onItsWay') : isOffline ? t('images.offlineReason') : null}
        onBlocked={() => !isComing && toggleLayer('profile')}
        busy={pull.busy}
        busyLabel={t('images.pulling')}
        onClick={() => void pull.run(name)}
      >
        {t('images.pullOne')}
      </ReasonButton>
      {pull.error !== null && <Refusal error={pull.error} />}
    </>
  );
}

async function startPull(reference: string): Promise<void> {
  await pullImage(reference);
}

/** Failed jobs that somebody has read. */
const readStore = createStore<{ readonly ids: readonly string[] }>(() => ({ ids: [] }));
const SHOWN_MS = 10 * 60_000;

function isImageJob({ kind }: Job): boolean {
  return kind === 'image_pull' || kind === 'image_import' || kind === 'image_export';
}

/** Images on their way, and what went wrong with one a moment ago. */
function RunningJobs(): ReactNode {
  const read = useStore(readStore, ({ ids }) => ids);
  const now = useNow();
  const jobs = (useJobs() ?? []).filter(isImageJob);
  const running = jobs.filter((job) => !hasEnded(job));
  const failed = jobs.filter(
    (job) =>
      job.state === 'failed' &&
      !read.includes(job.id) &&
      job.finished_at !== null &&
      now - Date.parse(job.finished_at) < SHOWN_MS,
  );
  if (running.length + failed.length === 0) return null;
  return (
    <ul className={css.jobs} aria-label={t('images.running')}>
      {running.map((job) => (
        <li key={job.id}>
          <JobProgress
            job={job}
            title={<Link href={`/jobs/${job.id}`}>{job.title}</Link>}
            actions={
              <ReasonButton
                size="xs"
                changes
                onClick={() => openDialog({ kind: 'cancel-job', jobId: job.id })}
              >
                {t('images.cancel')}
              </ReasonButton>
            }
          />
        </li>
      ))}
      {failed.map((job) => (
        <li key={job.id}>
          <ErrorStrip
            mark={<StateMark axis="job" state="failed" wordless />}
            sentence={t('images.failed', { title: job.title, message: job.error?.message ?? '' })}
            hint={job.error?.hint}
            actions={
              <ReasonButton
                size="xs"
                onClick={() => readStore.setState(({ ids }) => ({ ids: [...ids, job.id] }))}
              >
                {t('images.dismiss')}
              </ReasonButton>
            }
          />
        </li>
      ))}
    </ul>
  );
}
