import { AppError, ENDPOINTS, endpointUrl, isErrorCode } from '../../../shared/contract/index.ts';
import type { TerminalSize } from '../../../shared/desktop/bridge.ts';
import { call, keyStore } from '../../data/api.ts';
import { desktop } from '../../data/desktop.ts';

/** A terminal in the container of a slot: of this machine in the desktop app, else passed through by the agent. */
export interface TerminalSession {
  /** What this machine runs; null where the agent passes it through. */
  readonly command: string | null;
  write(data: string): void;
  resize(size: TerminalSize): void;
  close(): void;
}

export interface TerminalEvents {
  /** Resolves when it was drawn; the program waits for that. */
  readonly onData: (data: string | Uint8Array) => Promise<void>;
  /** `code` is null where nobody told it. */
  readonly onExit: (how: { readonly code: number | null; readonly lost: boolean }) => void;
}

/** Longer input is sent in pieces. */
const INPUT_MOST = 60_000;

/** @throws {AppError} why there is none: `model_not_loaded`, `runtime_unavailable`, ... */
export async function openTerminalSession(
  slotId: string,
  size: TerminalSize,
  events: TerminalEvents,
): Promise<TerminalSession> {
  return (await openHere(slotId, size, events)) ?? openThroughAgent(slotId, size, events);
}

/** @returns null in a browser, and on a machine without a docker client. */
async function openHere(
  slotId: string,
  size: TerminalSize,
  events: TerminalEvents,
): Promise<TerminalSession | null> {
  if (desktop === null) return null;
  const { terminal } = desktop;
  const early: (() => void)[] = [];
  let id: string | null = null;
  const mine = (from: string, run: () => void): void => {
    // What it prints may be here before its name is.
    if (id === null) early.push(() => mine(from, run));
    else if (from === id) run();
  };
  const offData = terminal.onData(
    (from, data) =>
      new Promise((taken) => {
        if (id !== null && from !== id) taken();
        else mine(from, () => void events.onData(data).then(taken));
      }),
  );
  const stop = (): void => {
    offData();
    offExit();
  };
  const offExit = terminal.onExit((from, code) =>
    mine(from, () => {
      stop();
      events.onExit({ code, lost: false });
    }),
  );
  const opened = await terminal.open(slotId, size);
  if (opened.state !== 'open') {
    stop();
    if (opened.state === 'no_client') return null;
    const { error, message, hint } = opened;
    throw new AppError(isErrorCode(error) ? error : 'internal_error', message, { hint });
  }
  const name = opened.id;
  id = name;
  for (const run of early) run();
  return {
    command: opened.command,
    write: (data) => {
      for (const piece of piecesOf(data)) void terminal.write(name, piece);
    },
    resize: (to) => void terminal.resize(name, to),
    close: () => {
      stop();
      void terminal.close(name);
    },
  };
}

async function openThroughAgent(
  slotId: string,
  size: TerminalSize,
  events: TerminalEvents,
): Promise<TerminalSession> {
  const { terminal_id: id } = await call(ENDPOINTS.openTerminal, {
    params: { id: slotId },
    body: { mode: 'stream', ...size },
  });
  if (id === null) throw new AppError('runtime_unavailable', 'The agent opened no terminal.');
  const params = { id };
  const stop = new AbortController();
  const lost = (): void => {
    if (stop.signal.aborted) return;
    stop.abort();
    events.onExit({ code: null, lost: true });
  };
  void readOutput(id, events.onData, stop.signal).then(
    () => {
      if (stop.signal.aborted) return;
      stop.abort();
      events.onExit({ code: null, lost: false });
    },
    () => lost(),
  );
  // One after the other, so that what is typed arrives in its order; what comes meanwhile goes together.
  let typed = '';
  let isSending = false;
  const send = async (): Promise<void> => {
    isSending = true;
    try {
      while (typed !== '' && !stop.signal.aborted) {
        const data = typed.slice(0, INPUT_MOST);
        typed = typed.slice(INPUT_MOST);
        await call(ENDPOINTS.writeTerminal, { params, body: { data } });
      }
    } finally {
      isSending = false;
    }
  };
  return {
    command: null,
    write: (data) => {
      typed += data;
      // Its end is told by the output.
      if (!isSending) send().catch(() => undefined);
    },
    resize: (to) => {
      if (!stop.signal.aborted) call(ENDPOINTS.resizeTerminal, { params, body: to }).catch(() => undefined);
    },
    close: () => {
      if (stop.signal.aborted) return;
      stop.abort();
      call(ENDPOINTS.closeTerminal, { params }).catch(() => undefined);
    },
  };
}

async function readOutput(id: string, onData: TerminalEvents['onData'], signal: AbortSignal): Promise<void> {
  const { token } = keyStore.getState();
  const response = await fetch(endpointUrl(ENDPOINTS.readTerminal, { params: { id } }), {
    headers: token === null ? {} : { authorization: `Bearer ${token}` },
    signal,
  });
  if (!response.ok || response.body === null) throw new Error(`The output answers ${response.status}.`);
  const reader = response.body.getReader();
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    await onData(value);
  }
}

function piecesOf(data: string): string[] {
  const pieces: string[] = [];
  for (let from = 0; from < data.length; from += INPUT_MOST) pieces.push(data.slice(from, from + INPUT_MOST));
  return pieces;
}
