import { setTimeout as delay } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { sharedFiles, type AgentFile } from '../agent/kernel/agent-file.ts';
import { AppError, ENDPOINTS, toAppError } from '../shared/contract/index.ts';
import type { AgentState, AgentWarning } from '../shared/desktop/bridge.ts';
import { connectToAgent, reconnect, type AgentConnection, type ConnectDeps } from './agent-connection.ts';
import { launchAgent, type AgentProgram } from './agent-launcher.ts';
import { howItEnded, lookForAgent, presenceOf } from './agent-location.ts';
import { watchAgent, type AgentFacts } from './agent-watch.ts';
import { secretsKey } from './keychain.ts';
import { isCrash, nextStep, type Observation, type Step } from './supervisor-rules.ts';

export interface SupervisorDeps extends ConnectDeps {
  readonly program: AgentProgram;
  readonly env: NodeJS.ProcessEnv;
  readonly onState: (state: AgentState) => void;
  /** null when no agent runs. */
  readonly onFacts: (facts: AgentFacts | null) => void;
  readonly onCrash: (message: string) => void;
}

const HOLD_CALLS_MS = 15_000;
const LOOKING = 'The agent is looked for.';
const STOP_MS = 90_000;
const POLL_MS = 200;
const TELL_SILENCE_MS = 2000;
const RENEW_EVERY_MS = 10_000;
const PORT_TAKEN: AgentWarning = {
  code: 'other_port',
  message:
    'The usual port of the agent is taken by another program; it answers at another one until it is started again.',
};

/**
 * Keeps the desktop together with the agent of its data directory: attaches to one that runs, starts one where none
 * does, tells when it ends, starts it again after a crash. It ends an agent only by asking it to stop; when the
 * desktop goes, in whatever way, the agent goes on.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #closing = new AbortController();
  #state: AgentState;
  #connection: AgentConnection | null = null;
  #loop: Promise<void> | null = null;
  #changed = Promise.withResolvers<void>();
  #portWarning: AgentWarning | null = null;
  #isStopping = false;
  #renewing: Promise<AgentConnection | null> | null = null;
  #renewedAt = Number.NEGATIVE_INFINITY;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
    this.#state = {
      state: 'starting',
      message: LOOKING,
      warnings: deps.keychain.warning === null ? [] : [deps.keychain.warning],
      since: new Date().toISOString(),
      dataDir: deps.dataDir,
      logFile: sharedFiles(deps.dataDir).agentLog,
      agentVersion: null,
    };
  }

  get state(): AgentState {
    return this.#state;
  }

  get connection(): AgentConnection | null {
    return this.#connection;
  }

  /** Attaches or starts. @returns the state it came to, `running` or `stopped`. */
  async ensure(): Promise<AgentState> {
    if (this.#loop === null) {
      this.#set('starting', LOOKING);
      this.#loop = this.#run().finally(() => {
        this.#loop = null;
      });
    }
    while (this.#state.state === 'starting' && !this.#closing.signal.aborted) await this.#changed.promise;
    return this.#state;
  }

  /** The agent for a call of the page; a call that comes while the agent starts waits for it. */
  async target(): Promise<{ url: string; token: string }> {
    const deadline = AbortSignal.timeout(HOLD_CALLS_MS);
    const late = new Promise<void>((resolve) =>
      deadline.addEventListener('abort', () => resolve(), { once: true }),
    );
    while (this.#connection === null && this.#state.state === 'starting' && !deadline.aborted) {
      await Promise.race([this.#changed.promise, late]);
    }
    if (this.#connection === null) {
      throw new AppError('agent_unreachable', this.#state.message, {
        hint: 'Start it from the tray or with `modelops serve`.',
      });
    }
    return { url: this.#connection.agent.url, token: this.#connection.token };
  }

  /** Another key after the agent refused `spentToken`: once for all calls that wait for it, and not again and again. */
  async renewed(spentToken: string): Promise<{ url: string; token: string } | null> {
    const current = this.#connection;
    if (current !== null && current.token === spentToken) await (this.#renewing ??= this.#renew(current));
    const { agent, token } = this.#connection ?? {};
    return agent === undefined || token === undefined || token === spentToken
      ? null
      : { url: agent.url, token };
  }

  /** Asks the agent to stop and waits until it is gone. @throws {AppError} when it refuses or does not go. */
  async stopAgent(slots: 'keep' | 'stop'): Promise<void> {
    const connection = this.#connection;
    if (connection === null) return;
    this.#isStopping = true;
    try {
      await connection.call(
        ENDPOINTS.stopSystem,
        { body: { slots } },
        { signal: AbortSignal.timeout(STOP_MS) },
      );
      this.#set('running', slots === 'stop' ? 'The agent empties its slots and stops.' : 'The agent stops.');
      const deadline = delay(STOP_MS, 'late' as const, { ref: false });
      const gone = this.#loop?.then(() => 'gone' as const) ?? 'gone';
      if ((await Promise.race([gone, deadline])) === 'late') {
        throw new AppError('conflict', `The agent did not stop in ${STOP_MS / 1000} seconds.`, {
          hint: `Its log: ${this.#state.logFile}`,
        });
      }
    } finally {
      this.#isStopping = false;
    }
  }

  /** Lets go of the agent; it runs on. */
  close(): void {
    this.#closing.abort();
    this.#changed.resolve();
  }

  async #run(): Promise<void> {
    const crashes: number[] = [];
    let waitingSince: number | null = null;
    let observation: Observation = await lookForAgent(this.#deps.dataDir);
    while (!this.#closing.signal.aborted) {
      const now = Date.now();
      if (isCrash(observation)) crashes.push(now);
      const step: Step = nextStep(observation, { crashes, waitingSince, now });
      if (isCrash(observation) && 'message' in step) this.#deps.onCrash(step.message);
      if (step.step === 'rest') {
        this.#set('stopped', step.message);
        return;
      }
      if (step.step === 'look') waitingSince ??= now;
      else if (step.step === 'attach') waitingSince = null;
      try {
        observation = await this.#do(step);
      } catch (error) {
        if (this.#closing.signal.aborted) return;
        this.#set('stopped', sentenceOf(error));
        return;
      }
    }
  }

  async #do(step: Exclude<Step, { step: 'rest' }>): Promise<Observation> {
    const { signal } = this.#closing;
    if (step.step === 'attach') return this.#stayWith(step.agent);
    this.#set('starting', step.message);
    if (step.afterMs > 0) await delay(step.afterMs, undefined, { signal });
    // Somebody else may have been quicker.
    const sighting = await lookForAgent(this.#deps.dataDir);
    if (step.step === 'look' || sighting.saw === 'agent') return sighting;
    const { program, dataDir, keychain, env } = this.#deps;
    const failure = await launchAgent({
      program,
      dataDir,
      files: sharedFiles(dataDir),
      secretsKey: await secretsKey(keychain),
      anyPort: step.anyPort,
      env,
    });
    if (failure !== null) return { saw: 'start-failed', failure };
    this.#portWarning = step.anyPort ? PORT_TAKEN : null;
    return lookForAgent(dataDir);
  }

  /** Until the agent is gone, or until it can be tried again. */
  async #stayWith(agent: AgentFile): Promise<Observation> {
    const { signal } = this.#closing;
    try {
      this.#connection = await connectToAgent(agent, this.#deps);
      this.#set('running', answersAt(agent));
    } catch (error) {
      // An agent that answers and refuses us has a reason that a person has to see; another one just ends.
      if ((await presenceOf(agent)) === 'answers') throw error;
    }
    let silentSince: number | null = null;
    for (;;) {
      if (this.#connection !== null) await this.#watch(this.#connection);
      signal.throwIfAborted();
      const presence = await presenceOf(agent);
      silentSince = presence === 'silent' ? (silentSince ?? Date.now()) : null;
      if (presence === 'gone') break;
      if (presence === 'answers' && this.#connection === null) return { saw: 'agent', agent };
      // One that stops is silent too, but not for long.
      const isSilent = silentSince !== null && Date.now() - silentSince >= TELL_SILENCE_MS;
      if (isSilent && this.#connection !== null && !this.#isStopping)
        this.#set('running', 'The agent does not answer now.');
      // Between looks at one that stops, hangs or drops our stream.
      await delay(POLL_MS, undefined, { signal });
    }
    this.#connection = null;
    this.#deps.onFacts(null);
    return { saw: 'end', how: await howItEnded(this.#deps.dataDir, agent) };
  }

  /** Until the stream of events ends, for whatever reason. */
  async #watch(connection: AgentConnection): Promise<void> {
    const { signal } = this.#closing;
    try {
      await watchAgent(
        connection,
        (facts) => {
          if (!this.#isStopping) this.#set('running', answersAt(connection.agent));
          this.#deps.onFacts(facts);
        },
        signal,
      );
    } catch (error) {
      if (signal.aborted) return;
      if (toAppError(error).code === 'unauthenticated') await this.renewed(connection.token);
      // Anything else is an agent that ends or hangs; the caller looks at which.
    }
  }

  async #renew(current: AgentConnection): Promise<AgentConnection | null> {
    try {
      if (Date.now() - this.#renewedAt < RENEW_EVERY_MS) return null;
      this.#renewedAt = Date.now();
      const next = await reconnect(current, this.#deps);
      if (this.#connection === current) this.#connection = next;
      return next;
    } catch (error) {
      console.error('No new key for the agent:', error);
      return null;
    } finally {
      this.#renewing = null;
    }
  }

  #set(state: AgentState['state'], message: string): void {
    const standing = this.#connection?.warnings ?? [this.#deps.keychain.warning];
    const warnings = [...standing, this.#portWarning].filter((warning) => warning !== null);
    const { state: before, message: said, warnings: warned } = this.#state;
    if (before === state && said === message && isDeepStrictEqual(warned, warnings)) return;
    this.#state = {
      ...this.#state,
      state,
      message,
      warnings,
      since: state === before ? this.#state.since : new Date().toISOString(),
      agentVersion: this.#connection?.agent.version ?? null,
    };
    const changed = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    changed.resolve();
    this.#deps.onState(this.#state);
  }
}

function answersAt({ url }: AgentFile): string {
  return `The agent answers at ${url}.`;
}

/** An error in a sentence, with its way out. */
export function sentenceOf(error: unknown): string {
  const { code, message, hint, cause } = toAppError(error);
  if (code === 'internal_error') return cause instanceof Error ? cause.message : message;
  return hint === '' ? message : `${message} ${hint}`;
}
