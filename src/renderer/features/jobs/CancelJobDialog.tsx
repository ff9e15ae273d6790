import type { ReactNode } from 'react';
import { cancelJob } from '../../data/jobs.ts';
import { useJob } from '../../data/live.ts';
import { Confirm } from '../../parts/Confirm.tsx';
import { t } from '../../strings/text.ts';

/** Says what a cancel keeps and what goes. */
export function CancelJobDialog({
  jobId,
  onClose,
}: {
  readonly jobId: string;
  readonly onClose: () => void;
}): ReactNode {
  const job = useJob(jobId);
  if (job === undefined) return null;
  const effect =
    job.kind === 'import'
      ? t('jobs.cancelImport')
      : job.kind === 'serve'
        ? t('jobs.cancelServe')
        : job.kind === 'benchmark'
          ? t('jobs.cancelBenchmark')
          : t('jobs.cancelOther');
  return (
    <Confirm
      title={t('jobs.cancelTitle', { title: job.title })}
      keep={t('jobs.keep')}
      verb={t('jobs.cancelVerb')}
      busyVerb={t('jobs.cancelling')}
      onClose={onClose}
      onConfirm={() => cancelJob(jobId)}
    >
      <p>{effect}</p>
    </Confirm>
  );
}
