/**
 * What the page gets from the desktop as `window.desktop`: native dialogs and the state of the agent's process, no
 * data. In a browser there is no such object, and the page offers path fields instead.
 */
export interface DesktopBridge {
  /** `linux`, `darwin` or `win32`. */
  readonly platform: string;
  /** Version of the desktop app; the agent's own is in `GET /v1/system`. */
  readonly version: string;
  /** Asks for a GGUF file or a model directory. @returns its absolute path, or null when nothing was chosen. */
  pickModelPath(kind: ModelPathKind): Promise<string | null>;
  /** Shows a file of this machine in its file manager. @returns false when there is no such file. */
  revealPath(path: string): Promise<boolean>;
  agentState(): Promise<AgentState>;
  /** Attaches to the agent or starts one, also after it was given up. @returns the state it came to. */
  startAgent(): Promise<AgentState>;
  /** Tells every change from now on. @returns what ends it. */
  onAgentState(listener: (state: AgentState) => void): () => void;
  readonly terminal: TerminalBridge;
}

/**
 * Terminals in the containers of slots. The page names a slot; what is run for it the desktop asks the agent, which
 * journals it. All of them end with the page.
 */
export interface TerminalBridge {
  open(slotId: string, size: TerminalSize): Promise<TerminalOpening>;
  write(id: string, data: string): Promise<void>;
  resize(id: string, size: TerminalSize): Promise<void>;
  close(id: string): Promise<void>;
  /** What a terminal prints. The program waits while what was handed over is not taken. @returns what ends it. */
  onData(listener: (id: string, data: string) => Promise<void>): () => void;
  /** @returns what ends it. */
  onExit(listener: (id: string, exitCode: number) => void): () => void;
}

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

/** What came of the wish for a terminal. */
export type TerminalOpening =
  | { readonly state: 'open'; readonly id: string; readonly command: string }
  /** This machine has no docker client, or no terminal of its own; the agent can pass one through. */
  | { readonly state: 'no_client' }
  | { readonly state: 'refused'; readonly error: string; readonly message: string; readonly hint: string };

export type ModelPathKind = 'file' | 'directory';

/** The agent as the desktop's supervisor knows it. */
export interface AgentState {
  readonly state: 'starting' | 'running' | 'stopped';
  /** A whole sentence: what happened last, or what is waited for. */
  readonly message: string;
  /** What stays true until somebody changes something. */
  readonly warnings: readonly AgentWarning[];
  /** When it came to this state, ISO-8601. */
  readonly since: string;
  readonly dataDir: string;
  /** What the agent says while it starts and runs. */
  readonly logFile: string;
  /** Version of the running agent; null when none runs. */
  readonly agentVersion: string | null;
}

export interface AgentWarning {
  readonly code: 'no_keychain' | 'secrets_locked' | 'other_version' | 'other_port';
  /** A whole sentence. */
  readonly message: string;
}

/** Names of the messages between the page's bridge and the desktop. */
export const DESKTOP_CHANNELS = {
  pickModelPath: 'desktop:pick-model-path',
  revealPath: 'desktop:reveal-path',
  agentState: 'desktop:agent-state',
  startAgent: 'desktop:start-agent',
  agentStateChanged: 'desktop:agent-state-changed',
  openTerminal: 'desktop:terminal-open',
  writeTerminal: 'desktop:terminal-write',
  resizeTerminal: 'desktop:terminal-resize',
  closeTerminal: 'desktop:terminal-close',
  terminalTaken: 'desktop:terminal-taken',
  terminalData: 'desktop:terminal-data',
  terminalExit: 'desktop:terminal-exit',
} as const;

/** How the desktop hands its version to the bridge, which has no other way to know it before the page runs. */
export const VERSION_ARGUMENT = '--modelops-version=';
