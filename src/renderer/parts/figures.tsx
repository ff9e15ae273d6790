import type { ReactNode } from 'react';
import { shortDigest } from '../../shared/contract/identity.ts';
import { useNow } from '../data/now.ts';
import { t } from '../strings/text.ts';
import { cx } from './cx.ts';
import {
  exactBytes,
  exactTime,
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatSince,
  formatTime,
  UNKNOWN,
} from './format.ts';
import css from './figures.module.css';

/** Figures with their exact value in the hover, and why they are missing when they are. */

function Missing({ reason }: { readonly reason?: string | undefined }): ReactNode {
  return <span title={reason === undefined ? undefined : t('unknown.because', { reason })}>{UNKNOWN}</span>;
}

/** A size in binary units. @param value bytes; null when nobody knows */
export function Bytes({
  value,
  reason,
}: {
  readonly value: number | null | undefined;
  readonly reason?: string;
}): ReactNode {
  if (value === null || value === undefined) return <Missing reason={reason} />;
  return <span title={exactBytes(value)}>{formatBytes(value)}</span>;
}

/** @param value milliseconds */
export function Duration({
  value,
  reason,
}: {
  readonly value: number | null;
  readonly reason?: string;
}): ReactNode {
  return value === null ? <Missing reason={reason} /> : <span>{formatDuration(value)}</span>;
}

export function Count({
  value,
  reason,
}: {
  readonly value: number | null | undefined;
  readonly reason?: string;
}): ReactNode {
  return value === null || value === undefined ? (
    <Missing reason={reason} />
  ) : (
    <span>{formatCount(value)}</span>
  );
}

/** A time of the API: the clock today, the date before. */
export function Time({
  at,
  as = 'time',
  reason,
}: {
  readonly at: string | null | undefined;
  /** `ago` within the hour, `since` as a span. */
  readonly as?: 'time' | 'ago' | 'since';
  readonly reason?: string;
}): ReactNode {
  const now = useNow(as === 'time' ? 60_000 : 1000);
  if (at === null || at === undefined) return <Missing reason={reason} />;
  const text = { time: formatTime, ago: formatAgo, since: formatSince }[as](at, now);
  return (
    <time dateTime={at} title={exactTime(at)}>
      {text}
    </time>
  );
}

/** A digest as people compare it: the first six and last four digits. */
export function Digest({
  value,
  scheme = false,
}: {
  readonly value: string | null;
  /** With `sha256:` before it. */
  readonly scheme?: boolean;
}): ReactNode {
  if (value === null) return <Missing />;
  const short = shortDigest(value);
  return (
    <span className={cx('mono', css.digest)} title={value}>
      {scheme ? `sha256:${short}` : short}
    </span>
  );
}
