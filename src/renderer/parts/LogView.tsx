import { TextInput } from '@mantine/core';
import { useVirtualizer } from '@tanstack/react-virtual';
import {
  useEffect,
  useLayoutEffect,
  useMemo,
  useRef,
  useState,
  type KeyboardEvent,
  type ReactNode,
} from 'react';
import { lettersEnabled } from '../data/preferences.ts';
import { t } from '../strings/text.ts';
import { copyText } from './Copy.tsx';
import { cx } from './cx.ts';
import { formatCount, formatTime } from './format.ts';
import { levelOf, type LogLine } from './log-lines.ts';
import { ReasonButton } from './ReasonButton.tsx';
import css from './LogView.module.css';

export interface LogViewProps {
  readonly lines: readonly LogLine[];
  /** Number of a line to begin at, such as the evidence of a failure. */
  readonly anchor?: number | null;
  /** Finds lines of before those that are shown; given where there are such. */
  readonly searchEarlier?: ((query: string) => Promise<readonly LogLine[]>) | undefined;
  /** Controls left of the search: which attempt. */
  readonly controls?: ReactNode;
  readonly label: string;
}

const LINE_HEIGHT = 18;
const ASK_AFTER_MS = 300;
const LEVELS = { error: 'E', warn: 'W', info: '' } as const;
const NO_LINES: readonly LogLine[] = [];

/** A log to read: follows its end until somebody scrolls up, finds, wraps, copies. Never jumps while it is read. */
export function LogView({
  lines: given,
  anchor = null,
  searchEarlier,
  controls,
  label,
}: LogViewProps): ReactNode {
  const scroller = useRef<HTMLDivElement | null>(null);
  const search = useRef<HTMLInputElement | null>(null);
  const jumped = useRef<number | null>(null);
  const [follow, setFollow] = useState(anchor === null);
  const [wrap, setWrap] = useState(false);
  const [query, setQuery] = useState('');
  const [hit, setHit] = useState(0);
  const earlier = useEarlier(query, searchEarlier);
  const lines = useMemo(
    () => (earlier.shown.length === 0 ? given : [...earlier.shown, ...given]),
    [earlier.shown, given],
  );
  const lastLine = lines.at(-1)?.line ?? 0;
  const [seen, setSeen] = useState(lastLine);
  const firstLine = lines[0]?.line ?? 0;
  const firstBefore = useRef(firstLine);
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
    setSeen(lastLine);
  }, [follow, lines.length, lastLine, virtual, wrap]);

  // Lines that go at the front must not move what is being read.
  useLayoutEffect(() => {
    const before = firstBefore.current;
    firstBefore.current = firstLine;
    const gone = firstLine - before;
    if (!follow && before > 0 && gone > 0 && scroller.current !== null)
      scroller.current.scrollTop -= gone * LINE_HEIGHT;
  }, [firstLine, follow]);

  useEffect(() => {
    if (anchor === null) return;
    const index = lines.findIndex((line) => line.line >= anchor);
    if (index === -1 || jumped.current === anchor) return;
    // Once: lines that come later must not pull the reader back.
    jumped.current = anchor;
    setFollow(false);
    virtual.scrollToIndex(index, { align: 'center' });
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

  const unseen = follow ? 0 : Math.max(0, lastLine - seen);
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
            if (event.currentTarget.value !== '') setFollow(false);
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
        {earlier.count > 0 && (
          <ReasonButton size="xs" variant="subtle" onClick={earlier.show}>
            {t('log.earlier', { count: earlier.count })}
          </ReasonButton>
        )}
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
          if (scrollHeight - scrollTop - clientHeight < 4) setSeen(lastLine);
        }}
      >
        <div className={css.lines} style={{ height: virtual.getTotalSize() }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (line === undefined) return null;
            return (
              <div
                key={line.line}
                data-line={line.line}
                data-level={levelOf(line.text) ?? undefined}
                ref={wrap ? virtual.measureElement : undefined}
                data-index={item.index}
                className={cx(
                  css.line,
                  item.index === current && css.current,
                  line.line === anchor && css.anchor,
                )}
                style={{ transform: `translateY(${item.start}px)` }}
              >
                <span className={css.number}>{formatCount(line.line)}</span>
                <span className={css.time}>
                  {line.at === null ? '' : formatTime(line.at, Date.parse(line.at))}
                </span>
                <span className={css.stream} data-stream={line.stream}>
                  {line.stream === 'stderr' ? 'err' : line.stream === 'agent' ? 'agent' : 'out'}
                </span>
                <span className={css.level}>{LEVELS[levelOf(line.text) ?? 'info']}</span>
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

/** Every place of the text, whatever its case. */
function marked(text: string, query: string): ReactNode {
  if (query === '') return text;
  const [low, wanted] = [text.toLowerCase(), query.toLowerCase()];
  const parts: ReactNode[] = [];
  let from = 0;
  for (let at = low.indexOf(wanted); at !== -1; at = low.indexOf(wanted, from)) {
    parts.push(
      text.slice(from, at),
      <mark key={at} className={css.mark}>
        {text.slice(at, at + query.length)}
      </mark>,
    );
    from = at + query.length;
  }
  return parts.length === 0 ? text : [...parts, text.slice(from)];
}

/** Lines of before those on the page that hold the text: counted by themselves, shown when somebody asks. */
function useEarlier(
  query: string,
  search: ((query: string) => Promise<readonly LogLine[]>) | undefined,
): { shown: readonly LogLine[]; count: number; show: () => void } {
  const [found, setFound] = useState<{ query: string; lines: readonly LogLine[] } | null>(null);
  const [shownFor, setShownFor] = useState<string | null>(null);
  useEffect(() => {
    if (query === '' || search === undefined) return;
    let isLate = false;
    const later = setTimeout(() => {
      search(query).then(
        (lines) => {
          if (!isLate) setFound({ query, lines });
        },
        // Then only what is on the page is searched.
        () => undefined,
      );
    }, ASK_AFTER_MS);
    return () => {
      isLate = true;
      clearTimeout(later);
    };
  }, [query, search]);
  const lines = found?.query === query ? found.lines : NO_LINES;
  const isShown = shownFor === query;
  return {
    shown: isShown ? lines : NO_LINES,
    count: isShown ? 0 : lines.length,
    show: () => setShownFor(query),
  };
}
