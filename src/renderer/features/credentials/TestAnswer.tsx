import type { ReactNode } from 'react';
import { useMay } from '../../data/session.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { ProbeAnswer } from './ProbeAnswer.tsx';
import { refusedRange, type Tried } from './use-test.ts';

/** What came of trying a key: the provider's answer, or why it was not asked, with the range to allow. */
export function TestAnswer({
  tried,
  onAllow,
}: {
  readonly tried: Tried;
  readonly onAllow?: (range: string) => void;
}): ReactNode {
  const superadmin = useMay('superadmin');
  if (tried.probe !== null) return <ProbeAnswer probe={tried.probe} />;
  if (tried.error === null) return null;
  const range = refusedRange(tried.error);
  return (
    <>
      <Refusal
        error={tried.error}
        actions={
          range !== null &&
          superadmin &&
          onAllow !== undefined && (
            <ReasonButton size="xs" onClick={() => onAllow(range)}>
              {t('credentials.allowRange', { range })}
            </ReasonButton>
          )
        }
      />
      {range !== null && !superadmin && <p>{t('credentials.needsSuperadmin')}</p>}
    </>
  );
}
