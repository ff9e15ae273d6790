import type { ReactNode } from 'react';
import type { CheckResult } from '../../../shared/contract/index.ts';
import type { StateOf } from '../../parts/glyphs.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { Json } from './Json.tsx';

const STATE: Record<CheckResult['result'], StateOf<'check'>> = {
  success: 'ok',
  warning: 'warning',
  failure: 'failed',
  skipped: 'skipped',
};

/** What each validator found, in its words. */
export function CheckTable({
  label,
  checks,
}: {
  readonly label: string;
  readonly checks: readonly CheckResult[];
}): ReactNode {
  return (
    <SimpleTable
      label={label}
      head={[t('validation.result'), t('checks.validator'), t('checks.found'), t('checks.counts')]}
      rows={checks.map((check) => ({
        id: check.validator_kind,
        cells: [
          <StateMark key="result" axis="check" state={STATE[check.result]} size={12}>
            {t(`checkResult.${check.result}`)}
          </StateMark>,
          check.title,
          check.summary,
          t(check.required ? 'checks.required' : 'checks.told'),
        ],
        ...(check.details === null ? {} : { detail: <Json value={check.details} /> }),
      }))}
    />
  );
}
