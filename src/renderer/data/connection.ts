import { useEffect } from 'react';
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { t } from '../strings/text.ts';
import { useNow } from './now.ts';

/** What is known about the line to the agent. */
export interface Connection {
  /** When the line broke; null while it stands or was never there. */
  readonly lostAt: number | null;
  readonly open: boolean;
  /** When the agent was last heard. */
  readonly heardAt: number | null;
  /** Version of the agent that answers now. */
  readonly version: string | null;
  /** Version the page was loaded under. */
  readonly firstVersion: string | null;
}

export const connectionStore = createStore<Connection>(() => ({
  lostAt: null,
  open: false,
  heardAt: null,
  version: null,
  firstVersion: null,
}));

/** Silent below: a blink is nobody's business. */
const SHOWN_AFTER_MS = 2000;
/** From here what is on the screen has an age, and nothing can be changed. */
const STALE_AFTER_MS = 5000;

export type ConnectionPhase = 'fine' | 'reconnecting' | 'stale';

/** How bad it is. Pure. @param now milliseconds */
export function phaseOf({ lostAt }: Pick<Connection, 'lostAt'>, now: number): ConnectionPhase {
  if (lostAt === null) return 'fine';
  const age = now - lostAt;
  if (age >= STALE_AFTER_MS) return 'stale';
  return age >= SHOWN_AFTER_MS ? 'reconnecting' : 'fine';
}

export function useConnection(): Connection & { readonly phase: ConnectionPhase } {
  const connection = useStore(connectionStore);
  const now = useNow(connection.lostAt === null ? null : 500);
  return { ...connection, phase: phaseOf(connection, now) };
}

/** Why nothing can be changed right now, or null. */
export function useOfflineReason(): string | null {
  const { phase } = useConnection();
  return phase === 'stale' ? t('connection.cannotChange') : null;
}

/** Marks the document while what it shows is old, for the style sheets. */
export function useStaleMark(): void {
  const { phase } = useConnection();
  useEffect(() => {
    document.documentElement.toggleAttribute('data-stale', phase === 'stale');
  }, [phase]);
}
