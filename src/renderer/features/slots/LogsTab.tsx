import { Select } from '@mantine/core';
import { useEffect, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { ENDPOINTS, type EndpointOutput, type Slot } from '../../../shared/contract/index.ts';
import { asAppError, call, isAbort } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import type { AppError } from '../../../shared/contract/errors.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { LogView, type LogLine } from '../../parts/LogView.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { t } from '../../strings/text.ts';
import { SlotError } from './SlotError.tsx';
import css from './LogsTab.module.css';

type Logs = EndpointOutput<typeof ENDPOINTS.getSlotLogs>;
const MOST_LINES = 5000;

/** The diagnosis first, then the log of an attempt; the running one grows as it is written. */
export default function LogsTab({ slot }: { readonly slot: Slot }): ReactNode {
  const [search, setSearch] = useSearchParams();
  const wanted = search.get('attempt');
  const { logs, error } = useLogs(slot, wanted === null ? null : Number(wanted));
  if (error !== null) return <Refusal error={error} alert={false} />;
  if (logs === null) return <Pending />;
  return (
    <div className={css.tab}>
      {slot.load_error !== null && slot.load_state !== 'loading' && logs.attempt === slot.attempt && (
        <div className={css.error}>
          <SlotError slot={slot} error={slot.load_error} />
        </div>
      )}
      {logs.lines.length === 0 && logs.attempts.length === 0 ? (
        <EmptyState>{t('slot.noLogs')}</EmptyState>
      ) : (
        <div className={css.log}>
          <LogView
            key={logs.attempt}
            label={t('slot.logOf', { slot: slot.id, attempt: logs.attempt })}
            lines={logs.lines}
            anchor={search.get('line')}
            controls={
              <Select
                className={css.attempts ?? ''}
                aria-label={t('slot.attempt')}
                allowDeselect={false}
                data={attemptsOf(logs).map((attempt) => ({
                  value: String(attempt),
                  label: t('slot.attemptNumber', { attempt }),
                }))}
                value={String(logs.attempt)}
                onChange={(value) => setSearch(value === null ? {} : { attempt: value }, { replace: true })}
              />
            }
          />
        </div>
      )}
    </div>
  );
}

function attemptsOf(logs: Logs): number[] {
  return [...new Set([logs.attempt, ...logs.attempts])].toSorted((a, b) => b - a);
}

/** What was written so far, then what is written, in order and without a gap. */
function useLogs(slot: Slot, wanted: number | null): { logs: Logs | null; error: AppError | null } {
  const [logs, setLogs] = useState<Logs | null>(null);
  const [error, setError] = useState<AppError | null>(null);
  const follows = wanted === null || wanted === slot.attempt;
  // A new attempt is another log; an older one that was asked for stays.
  const attempt = wanted ?? slot.attempt;
  useEffect(() => {
    const stop = new AbortController();
    const early: LogLine[] = [];
    let read = false;
    const append = (lines: readonly LogLine[]): void =>
      setLogs((before) =>
        before === null
          ? before
          : { ...before, lines: [...before.lines, ...(lines as Logs['lines'])].slice(-MOST_LINES) },
      );
    const unfollow = follows
      ? liveFeed.followLogs(slot.id, (event) => {
          if (event.attempt !== attempt) return;
          const lines = event.lines.map((line) => ({
            at: new Date().toISOString(),
            stream: line.stream,
            text: line.text,
          }));
          if (read) append(lines);
          else early.push(...lines);
        })
      : null;
    const load = async (): Promise<void> => {
      try {
        const query = { tail: 2000, ...(attempt > 0 ? { attempt } : {}) };
        const answer = await call(
          ENDPOINTS.getSlotLogs,
          { params: { id: slot.id }, query },
          { signal: stop.signal },
        );
        setLogs(answer);
        read = true;
        // Lines that came while the rest was being read may stand in it already.
        const last = answer.lines.at(-1)?.text;
        const from = early.findLastIndex((line) => line.text === last);
        append(early.slice(from + 1));
      } catch (thrown) {
        if (!isAbort(thrown)) setError(asAppError(thrown));
      }
    };
    void load();
    return () => {
      stop.abort();
      unfollow?.();
    };
  }, [slot.id, attempt, follows]);
  return { logs, error };
}
