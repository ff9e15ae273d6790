import { TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { lettersEnabled } from '../data/preferences.ts';
import { t } from '../strings/text.ts';
import { copyText } from './Copy.tsx';
import { cx } from './cx.ts';
import { formatTime } from './format.ts';
import { ReasonButton } from './ReasonButton.tsx';
import css from './LogView.module.css';

export interface LogLine {
  /** ISO time; null when the runtime's line came without one. */
  readonly at: string | null;
  readonly stream: string;
  readonly text: string;
}

export interface LogViewProps {
  readonly lines: readonly LogLine[];
  /** A line to begin at, such as the evidence of a failure. */
  readonly anchor?: string | null;
  /** Controls left of the search: which attempt. */
  readonly controls?: ReactNode;
  readonly label: string;
}

const LINE_HEIGHT = 18;

/** A log to read: follows its end until somebody scrolls up, finds, wraps, copies. Never jumps while it is read. */
export function LogView({ lines, anchor = null, controls, label }: LogViewProps): ReactNode {
  const scroller = useRef<HTMLDivElement | null>(null);
  const search = useRef<HTMLInputElement | null>(null);
  const [follow, setFollow] = useState(anchor === null);
  const [wrap, setWrap] = useState(false);
  const [query, setQuery] = useState('');
  const [hit, setHit] = useState(0);
  const [seen, setSeen] = useState(lines.length);
  // oxlint-disable-next-line react/incompatible-library -- the virtualizer draws again by itself; nothing here is memoised by a compiler
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => LINE_HEIGHT,
    overscan: 30,
  });

  const hits = useMemo(() => {
    if (query === '') return [];
    const wanted = query.toLowerCase();
    return lines.flatMap((line, index) => (line.text.toLowerCase().includes(wanted) ? [index] : []));
  }, [lines, query]);
  const current = hits[hit % Math.max(1, hits.length)];

  useEffect(() => {
    if (!follow || lines.length === 0) return;
    virtual.scrollToIndex(lines.length - 1, { align: 'end' });
    setSeen(lines.length);
  }, [follow, lines.length, virtual, wrap]);

  useEffect(() => {
    if (anchor === null) return;
    const index = lines.findLastIndex((line) => line.text === anchor);
    if (index !== -1) virtual.scrollToIndex(index, { align: 'center' });
  }, [anchor, lines, virtual]);

  useEffect(() => {
    if (current !== undefined) virtual.scrollToIndex(current, { align: 'center' });
  }, [current, virtual]);

  const jump = (by: number): void => {
    if (hits.length === 0) return;
    setFollow(false);
    setHit((before) => (before + by + hits.length) % hits.length);
  };

  const onKeyDown = (event: KeyboardEvent): void => {
    if (
      event.target !== scroller.current ||
      !lettersEnabled() ||
      event.ctrlKey ||
      event.metaKey ||
      event.altKey
    )
      return;
    const keys: Record<string, () => void> = {
      f: () => setFollow((before) => !before),
      w: () => setWrap((before) => !before),
      n: () => jump(1),
      N: () => jump(-1),
      '/': () => search.current?.focus(),
    };
    const act = keys[event.key];
    if (act === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    act();
  };

  const unseen = follow ? 0 : Math.max(0, lines.length - seen);
  return (
    <section className={css.log} aria-label={label}>
      <div className={css.bar}>
        {controls}
        <TextInput
          ref={search}
          className={css.search}
          aria-label={t('log.search')}
          placeholder={t('log.search')}
          value={query}
          onChange={(event) => {
            setQuery(event.currentTarget.value);
            setHit(0);
          }}
          onKeyDown={(event) => {
            if (event.key === 'Enter') jump(event.shiftKey ? -1 : 1);
          }}
        />
        <span className={css.hits} role="status">
          {query === ''
            ? ''
            : t('log.hits', { count: hits.length, current: hits.length === 0 ? 0 : hit + 1 })}
        </span>
        <span className={css.spring} />
        <ReasonButton size="xs" variant="subtle" aria-pressed={follow} onClick={() => setFollow(!follow)}>
          {follow ? t('log.following') : t('log.follow')}
        </ReasonButton>
        <ReasonButton size="xs" variant="subtle" aria-pressed={wrap} onClick={() => setWrap(!wrap)}>
          {wrap ? t('log.wrapped') : t('log.wrap')}
        </ReasonButton>
        <ReasonButton
          size="xs"
          variant="subtle"
          onClick={() => void copyText(lines.map((line) => line.text).join('\n'))}
        >
          {t('log.copy')}
        </ReasonButton>
      </div>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- a region that scrolls is reached by keys and takes its own */}
      <div
        ref={scroller}
        role="log"
        aria-label={label}
        aria-live="off"
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- as above
        tabIndex={0}
        className={cx(css.scroller, wrap && css.wrapped)}
        onKeyDown={onKeyDown}
        onWheel={(event) => {
          if (event.deltaY < 0) setFollow(false);
        }}
        onScroll={(event) => {
          const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
          if (scrollHeight - scrollTop - clientHeight < 4) setSeen(lines.length);
        }}
      >
        <div className={css.lines} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (line === undefined) return null;
            return (
              <div
                key={item.index}
                ref={wrap ? virtual.measureElement : undefined}
                data-index={item.index}
                className={cx(
                  css.line,
                  item.index === current && css.current,
                  line.text === anchor && css.anchor,
                )}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <span className={css.time}>
                  {line.at === null ? '' : formatTime(line.at, Date.parse(line.at))}
                </span>
                <span className={css.stream} data-stream={line.stream}>
                  {line.stream === 'stderr' ? 'err' : line.stream === 'agent' ? 'agent' : 'out'}
                </span>
                <span className={css.text}>{marked(line.text, query)}</span>
              </div>
            );
          })}
        </div>
      </div>
      {unseen > 0 && (
        <button type="button" className={css.arrived} onClick={() => setFollow(true)}>
          {t('log.arrived', { count: unseen })}
        </button>
      )}
    </section>
  );
}

function marked(text: string, query: string): ReactNode {
  if (query === '') return text;
  const at = text.toLowerCase().indexOf(query.toLowerCase());
  if (at === -1) return text;
  return (
    <>
      {text.slice(0, at)}
      <mark className={css.mark}>{text.slice(at, at + query.length)}</mark>
      {text.slice(at + query.length)}
    </>
  );
}
