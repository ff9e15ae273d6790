import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { AppError, ENDPOINTS, type Key } from '../../shared/contract/index.ts';
import { roleCovers, type Role } from '../../shared/lifecycle/states.ts';
import { asAppError, call, keyStore, whenUnauthenticated } from './api.ts';
import { desktop } from './desktop.ts';

/** Who uses this page. */
export type Session =
  | { readonly state: 'checking' }
  /** The agent did not answer when the page asked who this is. */
  | { readonly state: 'unreachable' }
  /** `refusal`: why a key or link was not taken, or why the session ended. */
  | { readonly state: 'signed-out'; readonly refusal: AppError | null }
  | { readonly state: 'signed-in'; readonly key: Key; readonly nodeName: string };

export const sessionStore = createStore<Session>(() => ({ state: 'checking' }));

const STORED_KEY = 'modelops.session';

/** Where a session key may come from besides this tab. */
export interface SessionSources {
  /** The key of another tab of this browser. */
  readonly askOtherTabs: () => Promise<string | null>;
}

/**
 * Finds out who this is: a one-time code in the address, the key of this tab, the key of another tab; in the desktop
 * app the main process is asked with the first call.
 */
export async function startSession(sources: SessionSources): Promise<void> {
  whenUnauthenticated((error) => {
    if (sessionStore.getState().state === 'signed-in') endSession(error);
  });
  const code = takeCode();
  if (code !== null) {
    await signIn(code);
    return;
  }
  if (desktop === null) {
    const token = sessionStorage.getItem(STORED_KEY) ?? (await sources.askOtherTabs());
    if (token === null) {
      sessionStore.setState({ state: 'signed-out', refusal: null }, true);
      return;
    }
    keyStore.setState({ token });
  }
  await identify();
}

/** The code of a sign-in link, taken out of the address so that a reload does not use it again. */
function takeCode(): string | null {
  const match = /^#code=(.+)$/.exec(location.hash);
  if (match === null) return null;
  history.replaceState(history.state, '', location.pathname + location.search);
  return decodeURIComponent(match[1] ?? '');
}

/**
 * Signs in with whatever a person has: the one-time link, its code, or a key.
 * The refusal, if any, lands in the session.
 */
export async function signIn(pasted: string): Promise<void> {
  const text = pasted.trim();
  const code = /#code=([^\s#]+)/.exec(text)?.[1] ?? text;
  try {
    if (code.startsWith('mok') || code.startsWith('mos')) {
      await identifyWith(code);
      return;
    }
    keyStore.setState({ token: null });
    const { token } = await call(ENDPOINTS.createSession, { body: { code } });
    await identifyWith(token);
  } catch (error) {
    keyStore.setState({ token: null });
    refuse(asAppError(error));
  }
}

async function identifyWith(token: string): Promise<void> {
  keyStore.setState({ token });
  const { key, node_name: nodeName } = await call(ENDPOINTS.getSession, {});
  sessionStorage.setItem(STORED_KEY, token);
  sessionStore.setState({ state: 'signed-in', key, nodeName }, true);
}

/** Asks the agent who the key at hand is; again after the agent was away. */
export async function identify(): Promise<void> {
  try {
    const { key, node_name: nodeName } = await call(ENDPOINTS.getSession, {});
    const { token } = keyStore.getState();
    if (token !== null) sessionStorage.setItem(STORED_KEY, token);
    sessionStore.setState({ state: 'signed-in', key, nodeName }, true);
  } catch (error) {
    refuse(asAppError(error));
  }
}

function refuse(error: AppError): void {
  if (error.code === 'agent_unreachable' && keyStore.getState().token !== null) {
    sessionStore.setState({ state: 'unreachable' }, true);
    return;
  }
  if (error.code === 'agent_unreachable' && desktop !== null) {
    sessionStore.setState({ state: 'unreachable' }, true);
    return;
  }
  endSession(error);
}

/** The key is not good any more; what was shown goes with it. */
export function endSession(refusal: AppError | null): void {
  sessionStorage.removeItem(STORED_KEY);
  keyStore.setState({ token: null });
  sessionStore.setState({ state: 'signed-out', refusal }, true);
}

/** Revokes the session key and forgets it. A key that was pasted is only forgotten. */
export async function signOut(): Promise<void> {
  try {
    await call(ENDPOINTS.deleteSession, {});
  } catch (error) {
    // It is forgotten here in any case; an agent that is away lets it run out by itself.
    if (!(error instanceof AppError)) throw error;
  }
  endSession(null);
}

export function useSession(): Session {
  return useStore(sessionStore);
}

/** The role of whoever is signed in; a user until it is known. */
export function useRole(): Role {
  const session = useSession();
  return session.state === 'signed-in' ? session.key.role : 'user';
}

export function useMay(needed: Role): boolean {
  return roleCovers(useRole(), needed);
}
