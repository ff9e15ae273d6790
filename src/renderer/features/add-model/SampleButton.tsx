import type { ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import { ENDPOINTS } from '../../../shared/contract/index.ts';
import { toastError } from '../../app/toasts.ts';
import { asAppError, call } from '../../data/api.ts';
import { jobDone, modelOf } from '../../data/jobs.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { serveModel } from '../models/actions.ts';
import { useState } from 'react';

/** Makes the sample model, serves it, and shows it on the way. */
export function SampleButton({
  filled = false,
  onStarted,
}: {
  readonly filled?: boolean;
  readonly onStarted?: () => void;
}): ReactNode {
  const [busy, setBusy] = useState(false);
  const run = async (): Promise<void> => {
    setBusy(true);
    try {
      const { job } = await call(ENDPOINTS.createSample, {});
      onStarted?.();
      const modelId = modelOf(await jobDone(job));
      await serveModel(modelId);
      navigate(`/models/${modelId}`);
    } catch (error) {
      toastError(asAppError(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <ReasonButton
      variant={filled ? 'filled' : 'default'}
      changes
      busy={busy}
      busyLabel={t('add.making')}
      onClick={() => void run()}
    >
      {t('add.sample')}
    </ReasonButton>
  );
}
