import type { ReactNode } from 'react';
import type { Fit } from '../../../../shared/contract/index.ts';
import { Confirm } from '../../../parts/Confirm.tsx';
import { formatBytes, formatCount } from '../../../parts/format.ts';
import { ReasonButton } from '../../../parts/ReasonButton.tsx';
import { t } from '../../../strings/text.ts';

/** Loads although the estimate says that it does not fit; the agent records who wanted that. */
export function LoadAnywayDialog({
  fit,
  onContext,
  onLoad,
  onClose,
}: {
  readonly fit: Fit;
  /** Takes the largest context that fits instead; absent where it cannot be taken. */
  readonly onContext?: (tokens: number) => void;
  readonly onLoad: () => Promise<void>;
  readonly onClose: () => void;
}): ReactNode {
  const { max_context_length: most, required } = fit;
  const devices = fit.per_gpu.map((device) => device.name).join(', ');
  return (
    <Confirm
      title={t('anyway.title')}
      keep={t('action.cancel')}
      verb={t('anyway.verb')}
      busyVerb={t('load.busy')}
      instead={
        most !== null && most < fit.context_length && onContext !== undefined ? (
          <ReasonButton
            onClick={() => {
              onContext(most);
              onClose();
            }}
          >
            {t('anyway.instead', { tokens: formatCount(most) })}
          </ReasonButton>
        ) : undefined
      }
      onConfirm={onLoad}
      onClose={onClose}
    >
      <p>
        {t('anyway.body', {
          low: formatBytes(required.low_bytes),
          high: formatBytes(required.high_bytes),
          free: formatBytes(fit.available_bytes),
          device: devices,
        })}
      </p>
      <p>{t('anyway.recorded')}</p>
    </Confirm>
  );
}
