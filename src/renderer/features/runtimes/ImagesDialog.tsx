import { Checkbox, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { ImagesAsk } from '../../app/dialogs.ts';
import { toastDone } from '../../app/toasts.ts';
import { profileQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import {
  exportImages,
  imagesQuery,
  importImage,
  prunableQuery,
  pruneImages,
  pullImage,
} from '../../data/runtimes.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Digest } from '../../parts/figures.tsx';
import { FormDialog } from '../../parts/FormDialog.tsx';
import { formatBytes } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import css from './runtimes.module.css';

/** The dialogs about images; each starts a job that goes on without it. */
export default function ImagesDialog({
  ask,
  reference,
  onClose,
}: {
  readonly ask: ImagesAsk;
  readonly reference: string | null;
  readonly onClose: () => void;
}): ReactNode {
  if (ask === 'pull') return <PullDialog reference={reference} onClose={onClose} />;
  if (ask === 'import') return <ImportDialog onClose={onClose} />;
  if (ask === 'export') return <ExportDialog reference={reference ?? ''} onClose={onClose} />;
  return <PruneDialog onClose={onClose} />;
}

const REFERENCE = /^[a-zA-Z0-9][a-zA-Z0-9._:/@-]*$/;

/** Jobs of images are shown where the images are. */
function showJob(): void {
  if (!location.pathname.startsWith('/runtimes')) navigate('/runtimes');
}

function PullDialog({
  reference,
  onClose,
}: {
  readonly reference: string | null;
  readonly onClose: () => void;
}): ReactNode {
  const [name, setName] = useState(reference ?? '');
  const { data: profile } = useQuery(profileQuery);
  const wanted = name.trim();
  const bad = wanted !== '' && !REFERENCE.test(wanted) ? t('pullImage.bad') : null;
  const offline = profile?.profile === 'offline' ? t('images.offline') : null;
  return (
    <FormDialog
      title={t('pullImage.title')}
      verb={t('pullImage.verb')}
      busyVerb={t('images.pulling')}
      reason={offline ?? (wanted === '' ? t('pullImage.missing') : bad)}
      onClose={onClose}
      onSubmit={async () => {
        await pullImage(wanted);
        showJob();
      }}
    >
      <TextInput
        data-autofocus
        {...(wanted === '' ? { 'data-missing': true } : {})}
        label={t('pullImage.reference')}
        description={t('pullImage.help')}
        value={name}
        error={bad}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

function ImportDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [path, setPath] = useState('');
  const wanted = path.trim();
  return (
    <FormDialog
      title={t('importImage.title')}
      verb={t('importImage.verb')}
      busyVerb={t('importImage.busy')}
      reason={wanted === '' ? t('importImage.missing') : null}
      onClose={onClose}
      onSubmit={async () => {
        await importImage(wanted);
        showJob();
      }}
    >
      <TextInput
        data-autofocus
        {...(wanted === '' ? { 'data-missing': true } : {})}
        label={t('importImage.path')}
        description={t('importImage.help')}
        placeholder={t('importImage.placeholder')}
        value={path}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setPath(event.currentTarget.value)}
      />
    </FormDialog>
  );
}

function ExportDialog({
  reference,
  onClose,
}: {
  readonly reference: string;
  readonly onClose: () => void;
}): ReactNode {
  const [path, setPath] = useState('');
  const { data: images } = useQuery(imagesQuery(true));
  const image = images?.find(({ id, references }) => references.includes(reference) || id === reference);
  const wanted = path.trim();
  const size = formatBytes(image?.size_bytes);
  return (
    <FormDialog
      title={t('exportImage.title', { image: reference })}
      verb={t('exportImage.verb', { size })}
      busyVerb={t('exportImage.busy')}
      reason={wanted === '' ? t('importImage.missing') : null}
      size={520}
      onClose={onClose}
      onSubmit={async () => {
        await exportImages([reference], wanted);
        showJob();
      }}
    >
      <TextInput
        data-autofocus
        {...(wanted === '' ? { 'data-missing': true } : {})}
        label={t('exportImage.path')}
        description={t('exportImage.help', { size })}
        placeholder={t('importImage.placeholder')}
        value={path}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setPath(event.currentTarget.value)}
      />
      {image?.id != null && (
        <p className={css.dim}>
          {t('exportImage.id')} <Digest value={image.id} scheme />
        </p>
      )}
    </FormDialog>
  );
}

/** The agent says what may go; a person says what of it does. */
function PruneDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const { data, error } = useQuery(prunableQuery);
  const [kept, setKept] = useState<ReadonlySet<string>>(new Set());
  const chosen = data?.images.filter(({ id }) => !kept.has(id)) ?? [];
  const size = formatBytes(chosen.reduce((sum, image) => sum + image.size_bytes, 0));
  const isNothing = data !== undefined && data.images.length === 0;
  const toggle = (id: string): void =>
    setKept((before) => {
      const next = new Set(before);
      if (!next.delete(id)) next.add(id);
      return next;
    });
  return (
    <Confirm
      title={t('pruneImages.title')}
      keep={t(isNothing ? 'pruneImages.close' : 'pruneImages.keep')}
      verb={t('pruneImages.verb', { count: chosen.length })}
      busyVerb={t('pruneImages.busy')}
      destroys
      reason={
        data === undefined
          ? t('pruneImages.looking')
          : isNothing
            ? t('pruneImages.nothing')
            : chosen.length === 0
              ? t('pruneImages.chosenNone')
              : null
      }
      onClose={onClose}
      onConfirm={async () => {
        const done = await pruneImages(chosen.map(({ id }) => id));
        toastDone(t('pruneImages.done', { count: done.images.length, size: formatBytes(done.freed_bytes) }));
      }}
    >
      {error !== null && <Refusal error={error} />}
      {isNothing && <p>{t('pruneImages.nothing')}</p>}
      {data !== undefined && !isNothing && (
        <>
          <p>{t('pruneImages.list')}</p>
          <ul className={css.prune}>
            {data.images.map((image) => (
              <li key={image.id}>
                <Checkbox
                  checked={!kept.has(image.id)}
                  onChange={() => toggle(image.id)}
                  label={
                    <span className={css.pruneRow}>
                      <span className={css.reference}>
                        {image.references.join(', ') || t('images.noName')}
                      </span>
                      <Digest value={image.id} />
                      <span className={css.size}>{formatBytes(image.size_bytes)}</span>
                    </span>
                  }
                />
              </li>
            ))}
          </ul>
          <p className={css.dim}>{t('pruneImages.shared', { size })}</p>
        </>
      )}
    </Confirm>
  );
}
