import { FitAddon } from '@xterm/addon-fit';
import { Terminal, type ITheme } from '@xterm/xterm';
import '@xterm/xterm/css/xterm.css';
import { useEffect, useRef, type ReactNode } from 'react';
import type { AppError } from '../../../shared/contract/errors.ts';
import { asAppError } from '../../data/api.ts';
import { t } from '../../strings/text.ts';
import { openTerminalSession, type TerminalSession } from './terminal-session.ts';
import css from './TerminalTab.module.css';

export interface TerminalScreenProps {
  readonly slotId: string;
  readonly onOpen: (command: string | null) => void;
  readonly onRefused: (error: AppError) => void;
  readonly onExit: (how: { readonly code: number | null; readonly lost: boolean }) => void;
}

const RESIZE_MS = 100;

/** A terminal that opens when it is drawn and ends when it goes. A file of its own: xterm is large. */
export default function TerminalScreen({ slotId, ...events }: TerminalScreenProps): ReactNode {
  const place = useRef<HTMLDivElement | null>(null);
  const told = useRef(events);
  useEffect(() => {
    told.current = events;
  });

  useEffect(() => {
    const element = place.current;
    if (element === null) return;
    const made = new Terminal({
      fontFamily: "'IBM Plex Mono', ui-monospace, monospace",
      fontSize: 13,
      lineHeight: 1.2,
      cursorBlink: false,
      scrollback: 5000,
      screenReaderMode: true,
      theme: themeOf(element),
    });
    const fit = new FitAddon();
    made.loadAddon(fit);
    made.open(element);
    fit.fit();
    let session: TerminalSession | null = null;
    let isGone = false;
    const size = (): { columns: number; rows: number } => ({ columns: made.cols, rows: made.rows });
    openTerminalSession(slotId, size(), {
      onData: (data) => new Promise((drawn) => made.write(data, drawn)),
      onExit: (how) => {
        made.options.disableStdin = true;
        if (!isGone) told.current.onExit(how);
      },
    }).then(
      (opened) => {
        // It was left while it was being opened.
        if (isGone) {
          opened.close();
          return;
        }
        session = opened;
        opened.resize(size());
        told.current.onOpen(opened.command);
        made.focus();
      },
      (error: unknown) => {
        if (!isGone) told.current.onRefused(asAppError(error));
      },
    );
    made.onData((data) => session?.write(data));
    made.onResize(() => session?.resize(size()));
    let later: ReturnType<typeof setTimeout> | null = null;
    const watcher = new ResizeObserver(() => {
      if (later !== null) clearTimeout(later);
      later = setTimeout(() => fit.fit(), RESIZE_MS);
    });
    watcher.observe(element);
    // Mantine says the scheme on the root; its variables hold from then on.
    const schemes = new MutationObserver(() => {
      made.options.theme = themeOf(element);
    });
    schemes.observe(document.documentElement, {
      attributes: true,
      attributeFilter: ['data-mantine-color-scheme'],
    });
    return () => {
      isGone = true;
      watcher.disconnect();
      schemes.disconnect();
      if (later !== null) clearTimeout(later);
      session?.close();
      made.dispose();
    };
  }, [slotId]);

  return (
    <div className={css.screen}>
      <div
        ref={place}
        className={css.terminal}
        role="group"
        aria-label={t('terminal.label', { slot: slotId })}
      />
    </div>
  );
}

/** The sixteen colours programs ask for are xterm's own; ground, text and selection are ours. */
function themeOf(element: HTMLElement): ITheme {
  const style = getComputedStyle(element);
  const colour = (token: string): string => style.getPropertyValue(`--${token}`).trim();
  return {
    background: colour('sunken'),
    foreground: colour('text'),
    cursor: colour('text'),
    cursorAccent: colour('sunken'),
    selectionBackground: colour('selected'),
    red: colour('bad'),
    brightRed: colour('bad'),
    green: colour('ok'),
    brightGreen: colour('ok'),
    yellow: colour('warn'),
    brightYellow: colour('warn'),
    blue: colour('blue'),
    brightBlue: colour('blue'),
    black: colour('text-3'),
    brightBlack: colour('text-3'),
    white: colour('text-2'),
    brightWhite: colour('text'),
  };
}
