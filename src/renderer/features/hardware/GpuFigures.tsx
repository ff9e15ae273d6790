import type { ReactNode } from 'react';
import type { Gpu } from '../../../shared/contract/index.ts';
import { cx } from '../../parts/cx.ts';
import { formatCount, UNKNOWN } from '../../parts/format.ts';
import { StateMark } from '../../parts/StateMark.tsx';
import { t, type TextKey } from '../../strings/text.ts';
import { eventWords, isSlowed, throttleWords } from './words.ts';
import css from './Hardware.module.css';

/** Utilisation, temperature, power and clock, each under its name; a dash where the driver is silent. */
export function GpuFigures({ gpu }: { readonly gpu: Gpu }): ReactNode {
  const { power_watts: watts, power_limit_watts: limit } = gpu;
  return (
    <dl className={css.figures}>
      <Figure name={t('gpu.utilization')} value={unit('gpu.percent', gpu.utilization_percent)} />
      <Figure name={t('gpu.temperature')} value={unit('gpu.celsius', gpu.temperature_celsius)} />
      <Figure
        name={t('gpu.power')}
        value={
          watts !== null && limit !== null
            ? t('gpu.wattsOf', { value: Math.round(watts), limit: Math.round(limit) })
            : unit('gpu.watts', watts)
        }
      />
      <Figure name={t('gpu.clock')} value={unit('gpu.megahertz', gpu.sm_clock_mhz)} />
    </dl>
  );
}

function Figure({ name, value }: { readonly name: string; readonly value: string | null }): ReactNode {
  return (
    <div className={css.figure}>
      <dt>{name}</dt>
      <dd title={value === null ? t('unknown.because', { reason: t('gpu.notTold') }) : undefined}>
        {value ?? UNKNOWN}
      </dd>
    </div>
  );
}

/** `71 °C`; null when the driver does not say. Pure. */
export function unit(
  key: Extract<TextKey, 'gpu.percent' | 'gpu.celsius' | 'gpu.watts' | 'gpu.megahertz'>,
  value: number | null,
): string | null {
  return value === null ? null : t(key, { value: formatCount(Math.round(value)) });
}

/** What is not as it should be: not usable, held down, memory errors, an XID. Nothing while all is well. */
export function GpuConditions({ gpu }: { readonly gpu: Gpu }): ReactNode {
  const throttled = throttleWords(gpu);
  const { ecc_errors: ecc, last_xid: xid } = gpu;
  const eccBad = ecc !== null && ((ecc.corrected ?? 0) > 0 || (ecc.uncorrected ?? 0) > 0);
  if (gpu.usable && throttled === null && xid === null && !eccBad) return null;
  return (
    <ul className={css.conditions}>
      {!gpu.usable && (
        <li>
          <StateMark axis="check" state="skipped" size={12}>
            {t('gpu.unusable')}
          </StateMark>
          {gpu.unusable_reason !== null && <span>{gpu.unusable_reason}</span>}
        </li>
      )}
      {throttled !== null && (
        <li>
          {isSlowed(gpu) ? (
            <StateMark axis="check" state="warning" size={12}>
              {throttled}
            </StateMark>
          ) : (
            <span className={css.dim}>{throttled}</span>
          )}
        </li>
      )}
      {eccBad && (
        <li>
          <StateMark axis="check" state={(ecc.uncorrected ?? 0) > 0 ? 'failed' : 'warning'} size={12}>
            {t('gpu.ecc', { corrected: ecc.corrected ?? 0, uncorrected: ecc.uncorrected ?? 0 })}
          </StateMark>
        </li>
      )}
      {xid !== null && (
        <li className={cx(css.wide)}>
          <StateMark axis="check" state="failed" size={12}>
            {eventWords(xid)}
          </StateMark>
        </li>
      )}
    </ul>
  );
}
