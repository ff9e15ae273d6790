import { Select } from '@mantine/core';
import { useCallback, useEffect, useMemo, useState, type ReactNode } from 'react';
import { useSearchParams } from 'wouter';
import { ENDPOINTS, type EndpointOutput, type Slot } from '../../../shared/contract/index.ts';
import type { AppError } from '../../../shared/contract/errors.ts';
import { asAppError, call, isAbort } from '../../data/api.ts';
import { liveFeed } from '../../data/live.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { appendLines, collapseProgress, type LogLine } from '../../parts/log-lines.ts';
import { LogView } from '../../parts/LogView.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { t } from '../../strings/text.ts';
import { AttemptList } from './AttemptList.tsx';
import { SlotError } from './SlotError.tsx';
import css from './LogsTab.module.css';

type Logs = EndpointOutput<typeof ENDPOINTS.getSlotLogs>;
const MOST_LINES = 5000;

/** The diagnosis first, then the attempts and the log of one; the running one grows as it is written. */
export default function LogsTab({ slot }: { readonly slot: Slot }): ReactNode {
  const [search, setSearch] = useSearchParams();
  const wanted = numberIn(search.get('attempt'));
  const { logs, lines, error } = useLogs(slot, wanted);
  const shown = useMemo(() => collapseProgress(lines), [lines]);
  const attempt = logs?.attempt ?? 0;
  const first = lines[0]?.line ?? 1;
  const searchEarlier = useCallback(
    async (query: string): Promise<readonly LogLine[]> => {
      const answer = await call(ENDPOINTS.getSlotLogs, {
        params: { id: slot.id },
        query: { attempt, query, tail: MOST_LINES },
      });
      return answer.lines.filter((line) => line.line < first);
    },
    [slot.id, attempt, first],
  );
  if (error !== null) return <Refusal error={error} alert={false} />;
  if (logs === null) return <Pending />;
  const choose = (one: number): void => setSearch({ attempt: String(one) }, { replace: true });
  const attempts = attemptsOf(logs);
  return (
    <div className={css.tab}>
      {slot.load_error !== null && slot.load_state !== 'loading' && attempt === slot.attempt && (
        <div className={css.error}>
          <SlotError slot={slot} error={slot.load_error} full />
        </div>
      )}
      {lines.length === 0 && attempts.length === 0 ? (
        <EmptyState>{t('slot.noLogs')}</EmptyState>
      ) : (
        <div className={css.columns}>
          <AttemptList
            history={logs.history}
            chosen={attempt}
            running={slot.load_state === 'error' || slot.load_state === 'empty' ? null : slot.attempt}
            onChoose={choose}
          />
          <div className={css.log}>
            <LogView
              key={attempt}
              label={t('slot.logOf', { slot: slot.id, attempt })}
              lines={shown}
              anchor={numberIn(search.get('line'))}
              searchEarlier={first > 1 ? searchEarlier : undefined}
              controls={
                <Select
                  className={css.attempts ?? ''}
                  aria-label={t('slot.attempt')}
                  allowDeselect={false}
                  data={attempts.map((one) => ({
                    value: String(one),
                    label: t('slot.attemptNumber', { attempt: one }),
                  }))}
                  value={String(attempt)}
                  onChange={(value) => {
                    if (value !== null) choose(Number(value));
                  }}
                />
              }
            />
          </div>
        </div>
      )}
    </div>
  );
}

function numberIn(text: string | null): number | null {
  return text !== null && /^\d{1,9}$/.test(text) ? Number(text) : null;
}

function attemptsOf(logs: Logs): number[] {
  const all = [logs.attempt, ...logs.attempts].filter((attempt) => attempt > 0);
  return [...new Set(all)].toSorted((a, b) => b - a);
}

/** What was written so far, then what is written, each line once by its number; drawn once a frame. */
function useLogs(
  slot: Slot,
  wanted: number | null,
): { logs: Logs | null; lines: readonly LogLine[]; error: AppError | null } {
  const [logs, setLogs] = useState<Logs | null>(null);
  const [lines, setLines] = useState<readonly LogLine[]>([]);
  const [error, setError] = useState<AppError | null>(null);
  const follows = wanted === null || wanted === slot.attempt;
  // A new attempt is another log; an older one that was asked for stays.
  const attempt = wanted ?? slot.attempt;
  useEffect(() => {
    const stop = new AbortController();
    let arrived: LogLine[] = [];
    let isRead = false;
    let frame = 0;
    const flush = (): void => {
      frame = 0;
      const fresh = arrived;
      arrived = [];
      setLines((before) => appendLines(before, fresh, MOST_LINES));
    };
    const unfollow = follows
      ? liveFeed.followLogs(slot.id, (event) => {
          if (event.attempt !== attempt) return;
          const at = new Date().toISOString();
          for (const { line, stream, text } of event.lines) arrived.push({ line, at, stream, text });
          if (arrived.length > MOST_LINES) arrived = arrived.slice(-MOST_LINES);
          if (isRead && frame === 0) frame = requestAnimationFrame(flush);
        })
      : null;
    const load = async (): Promise<void> => {
      try {
        const query = { tail: MOST_LINES, ...(attempt > 0 ? { attempt } : {}) };
        const answer = await call(
          ENDPOINTS.getSlotLogs,
          { params: { id: slot.id }, query },
          { signal: stop.signal },
        );
        setLogs(answer);
        setLines(answer.lines);
        isRead = true;
        flush();
      } catch (thrown) {
        if (!isAbort(thrown)) setError(asAppError(thrown));
      }
    };
    // How the attempts went, read again when the slot came to another state.
    const readHistory = async (): Promise<void> => {
      const { history, attempts } = await call(
        ENDPOINTS.getSlotLogs,
        { params: { id: slot.id }, query: { tail: 1 } },
        { signal: stop.signal },
      );
      setLogs((before) => (before === null ? before : { ...before, history, attempts }));
    };
    const unlisten = liveFeed.onJournal((events) => {
      // The list stays as it was where it cannot be read.
      if (events.some(({ subject }) => subject === `slot:${slot.id}`)) readHistory().catch(() => undefined);
    });
    void load();
    return () => {
      stop.abort();
      cancelAnimationFrame(frame);
      unlisten();
      unfollow?.();
    };
  }, [slot.id, attempt, follows]);
  return { logs, lines, error };
}
