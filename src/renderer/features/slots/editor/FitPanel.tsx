import { useState, type ReactNode } from 'react';
import type { Fit, FitDevice, FitWay } from '../../../../shared/contract/index.ts';
import { cx } from '../../../parts/cx.ts';
import { Refusal } from '../../../parts/ErrorStrip.tsx';
import { formatBytes, formatCount, inUnitOf } from '../../../parts/format.ts';
import { segmentsOf } from '../../../parts/memory.ts';
import { MemoryBar } from '../../../parts/MemoryBar.tsx';
import { Pending } from '../../../parts/Pending.tsx';
import { ReasonButton } from '../../../parts/ReasonButton.tsx';
import { StateMark } from '../../../parts/StateMark.tsx';
import { t } from '../../../strings/text.ts';
import type { Preview } from './use-preview.ts';
import css from './FitPanel.module.css';

export interface FitPanelProps {
  readonly fit: Preview<Fit>;
  /** Takes another context length; absent where it cannot be taken. */
  readonly onContext?: (tokens: number) => void;
  /** Takes another way: settings, GPUs, or slots that have to be emptied. */
  readonly onWay?: (way: FitWay) => void;
  /** Verdict, bars and ways only. */
  readonly brief?: boolean;
}

/** Whether it fits, with the figures, what they rest on, and what would make it fit. */
export function FitPanel({
  fit: { data, error, stale },
  onContext,
  onWay,
  brief = false,
}: FitPanelProps): ReactNode {
  if (data === undefined)
    return error === null ? <Pending rows={6} rowHeight={24} /> : <Refusal error={error} alert={false} />;
  return (
    <div className={cx(css.fit, stale && css.stale)} aria-busy={stale}>
      <Verdict fit={data} onContext={onContext} />
      {error !== null && <Refusal error={error} alert={false} />}
      {data.per_gpu.map((device) => (
        <DeviceBar key={device.gpu_uuid ?? 'memory'} device={device} />
      ))}
      {!brief && <Figures fit={data} />}
      {!brief && <Basis fit={data} />}
      <Ways fit={data} onWay={onWay} />
    </div>
  );
}

function Verdict({
  fit,
  onContext,
}: {
  readonly fit: Fit;
  readonly onContext: ((tokens: number) => void) | undefined;
}): ReactNode {
  const { max_context_length: most } = fit;
  const spare = fit.available_bytes - fit.required.total_bytes;
  return (
    <div className={css.verdict}>
      <h2 className={css.headline}>
        <StateMark axis="load" state={fit.fits ? 'loaded' : 'error'} size={16}>
          {fit.fits
            ? t('fit.fits', { spare: formatBytes(Math.max(0, spare)) })
            : fit.missing_bytes > 0
              ? t('fit.over', { over: formatBytes(fit.missing_bytes) })
              : t('fit.not')}
        </StateMark>
      </h2>
      <p role="status">{fit.verdict}</p>
      {!fit.fits && most !== null && most < fit.context_length && onContext !== undefined && (
        <ReasonButton variant="filled" onClick={() => onContext(most)}>
          {t('fit.use', { tokens: formatCount(most) })}
        </ReasonButton>
      )}
    </div>
  );
}

function DeviceBar({ device }: { readonly device: FitDevice }): ReactNode {
  const { total_bytes: total, available_bytes: available, required } = device;
  const words = t('fit.deviceText', {
    device: device.name,
    needed: formatBytes(required.total_bytes),
    free: formatBytes(available),
  });
  return (
    <div>
      <div className={css.device}>
        {total === null ? device.name : t('fit.device', { device: device.name, total: formatBytes(total) })}
      </div>
      <MemoryBar
        segments={segmentsOf(device.gpu_uuid ?? 'memory', required)}
        total={total ?? available}
        limit={available ?? undefined}
        used={null}
        withoutUsed
        height={16}
        text={words}
      />
    </div>
  );
}

/** Low, expected and high of each part, in one unit. */
function Figures({ fit }: { readonly fit: Fit }): ReactNode {
  const whole = fit.required.high_bytes;
  const [, unit = ''] = formatBytes(whole).split(' ');
  const figure = (bytes: number): string => inUnitOf(bytes, whole);
  return (
    <table className={css.figures} aria-label={t('fit.table')}>
      <thead>
        <tr>
          <th scope="col">{unit}</th>
          <th scope="col">{t('fit.low')}</th>
          <th scope="col">{t('fit.expected')}</th>
          <th scope="col">{t('fit.high')}</th>
        </tr>
      </thead>
      <tbody>
        {fit.breakdown.map((row) => (
          <tr key={row.part}>
            <th scope="row">
              <span className={css.swatch} data-part={row.part} aria-hidden />
              {row.part === 'kv_cache'
                ? t('fit.kv', { tokens: formatCount(fit.context_length), parallel: fit.parallel })
                : t(`memory.part.${row.part}`)}
            </th>
            <td>{figure(row.low_bytes)}</td>
            <td>{figure(row.expected_bytes)}</td>
            <td>{figure(row.high_bytes)}</td>
          </tr>
        ))}
        <tr className={css.total}>
          <th scope="row">{t('fit.total')}</th>
          <td>{figure(fit.required.low_bytes)}</td>
          <td>{figure(fit.required.total_bytes)}</td>
          <td>{figure(fit.required.high_bytes)}</td>
        </tr>
        <tr>
          <th scope="row">
            {fit.per_gpu.length === 1
              ? t('fit.free', { device: fit.per_gpu[0]?.name ?? '' })
              : t('fit.freeAll', { count: fit.per_gpu.length })}
          </th>
          <td colSpan={3}>{formatBytes(fit.available_bytes)}</td>
        </tr>
      </tbody>
    </table>
  );
}

/** What the figures rest on. */
function Basis({ fit: { learned, assumptions } }: { readonly fit: Fit }): ReactNode {
  const [open, setOpen] = useState(false);
  const error = learned?.last_error_percent ?? null;
  return (
    <div className={css.basis}>
      <p>
        {learned === null
          ? t('fit.calculated')
          : t('fit.measured', { count: learned.measurements, engine: learned.engine })}
        {error !== null &&
          ` ${t(Math.abs(error) < 0.05 ? 'fit.exact' : error > 0 ? 'fit.wasHigh' : 'fit.wasLow', {
            percent: Math.abs(error).toFixed(1),
          })}`}
      </p>
      {assumptions.length > 0 && (
        <>
          <ReasonButton size="xs" variant="subtle" aria-expanded={open} onClick={() => setOpen(!open)}>
            {t(open ? 'fit.hideAssumed' : 'fit.assumed', { count: assumptions.length })}
          </ReasonButton>
          {open && (
            <ul className={css.assumptions}>
              {assumptions.map((assumption) => (
                <li key={assumption}>{assumption}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  );
}

function Ways({
  fit,
  onWay,
}: {
  readonly fit: Fit;
  readonly onWay: ((way: FitWay) => void) | undefined;
}): ReactNode {
  const ways = fit.ways.filter((way) => !isMainWay(way, fit));
  if (ways.length === 0) return null;
  return (
    <div>
      <h3 className={css.waysTitle}>{t(fit.fits ? 'fit.alternatives' : 'fit.ways')}</h3>
      <ul>
        {ways.map((way) => (
          <li key={way.label} className={css.way}>
            <span>{wayWords(way)}</span>
            {way.fits && onWay !== undefined && (
              <ReasonButton
                size="xs"
                aria-label={t('fit.takeWay', { way: way.label })}
                onClick={() => onWay(way)}
              >
                {t(way.unload.length > 0 ? 'fit.unloadFirst' : 'fit.take')}
              </ReasonButton>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

/** The largest context that fits has a button of its own above. */
function isMainWay(way: FitWay, fit: Fit): boolean {
  return (
    way.unload.length === 0 &&
    way.gpu_ids === null &&
    Object.keys(way.patch).join() === 'context_length' &&
    way.patch['context_length'] === fit.max_context_length
  );
}

/** `KV cache q8_0: 23.3 GiB, 0.3 to spare`. */
function wayWords(way: FitWay): string {
  const total = formatBytes(way.total_bytes);
  return way.fits
    ? t('fit.wayFits', { way: way.label, total, spare: formatBytes(Math.max(0, way.spare_bytes)) })
    : t('fit.wayNot', { way: way.label, over: formatBytes(Math.max(0, -way.spare_bytes)) });
}
