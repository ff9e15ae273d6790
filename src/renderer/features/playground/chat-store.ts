import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import { ChatStream, gatewayRefusal, type AppError } from '../../../shared/contract/index.ts';
import { AppError as RefusedError } from '../../../shared/contract/errors.ts';
import { asAppError, keyStore } from '../../data/api.ts';
import { beforeNextPaint } from '../../data/frame.ts';

/** What is known about one answer: who gave it, how fast, and under which number. */
export interface AnswerFacts {
  /** As the gateway names it, not as it was asked for. */
  readonly modelId: string | null;
  readonly globalModelId: string | null;
  readonly requestId: string | null;
  readonly firstTokenMs: number | null;
  readonly tookMs: number | null;
  readonly promptTokens: number | null;
  readonly completionTokens: number | null;
  readonly finishReason: string | null;
}

export interface Turn {
  readonly id: number;
  readonly prompt: string;
  readonly answer: string;
  readonly state: 'streaming' | 'done' | 'stopped' | 'refused';
  readonly facts: AnswerFacts;
  readonly error: AppError | null;
}

export interface ChatSettings {
  readonly system: string;
  readonly temperature: string;
  readonly maxTokens: string;
}

interface Chat {
  readonly turns: readonly Turn[];
  readonly draft: string;
  readonly settings: ChatSettings;
}

const NO_FACTS: AnswerFacts = {
  modelId: null,
  globalModelId: null,
  requestId: null,
  firstTokenMs: null,
  tookMs: null,
  promptTokens: null,
  completionTokens: null,
  finishReason: null,
};

const EMPTY: Chat = { turns: [], draft: '', settings: { system: '', temperature: '', maxTokens: '' } };

/** The conversation of this tab. It is in memory only and goes with the tab. */
const chatStore = createStore<Chat>(() => EMPTY);

let lastTurn = 0;
let running: AbortController | null = null;

export function useChat(): Chat {
  return useStore(chatStore);
}

export function setDraft(draft: string): void {
  chatStore.setState({ draft });
}

export function setSettings(settings: ChatSettings): void {
  chatStore.setState({ settings });
}

export function clearChat(): void {
  running?.abort();
  chatStore.setState({ turns: [] });
}

/** Ends the answer that streams; the runtime stops computing it. */
export function stopAnswer(): void {
  running?.abort();
}

/** The messages a new prompt is sent with: what was said so far, without refused turns. Pure. */
export function historyOf(turns: readonly Turn[], system: string): { role: string; content: string }[] {
  return [
    ...(system.trim() === '' ? [] : [{ role: 'system', content: system }]),
    ...turns.flatMap((turn) =>
      turn.state === 'refused' || turn.answer === ''
        ? []
        : [
            { role: 'user', content: turn.prompt },
            { role: 'assistant', content: turn.answer },
          ],
    ),
  ];
}

/** Asks a model and lets the answer stream in. A refusal leaves the text in the composer. */
export async function ask(modelId: string, prompt: string): Promise<void> {
  const { turns, settings } = chatStore.getState();
  lastTurn += 1;
  const id = lastTurn;
  const stop = new AbortController();
  running = stop;
  const turn: Turn = { id, prompt, answer: '', state: 'streaming', facts: NO_FACTS, error: null };
  chatStore.setState({ turns: [...turns, turn], draft: '' });
  const started = performance.now();
  try {
    await stream(id, requestBody(modelId, prompt, turns, settings), started, stop.signal);
  } catch (error) {
    if (stop.signal.aborted)
      change(id, () => ({ state: 'stopped' }), { tookMs: performance.now() - started });
    else {
      const refusal = asAppError(error);
      change(id, (before) => ({ state: before.answer === '' ? 'refused' : 'done', error: refusal }));
      // What was written is not lost with the refusal.
      chatStore.setState(({ draft }) => ({ draft: draft === '' ? prompt : draft }));
    }
  } finally {
    if (running === stop) running = null;
  }
}

function requestBody(
  modelId: string,
  prompt: string,
  turns: readonly Turn[],
  { system, temperature, maxTokens }: ChatSettings,
): Record<string, unknown> {
  return {
    model: modelId,
    messages: [...historyOf(turns, system), { role: 'user', content: prompt }],
    stream: true,
    stream_options: { include_usage: true },
    ...(temperature.trim() === '' ? {} : { temperature: Number(temperature) }),
    ...(maxTokens.trim() === '' ? {} : { max_tokens: Number(maxTokens) }),
  };
}

async function stream(id: number, body: unknown, started: number, signal: AbortSignal): Promise<void> {
  const { token } = keyStore.getState();
  const response = await send(body, token, signal);
  change(id, () => ({}), {
    modelId: response.headers.get('x-modelops-model-id'),
    globalModelId: response.headers.get('x-modelops-global-model-id'),
    requestId: response.headers.get('x-request-id'),
  });
  if (!response.ok || response.body === null) throw gatewayRefusal(await response.text());
  const parser = new ChatStream();
  const decoder = new TextDecoder();
  const reader = response.body.getReader();
  const paint = painter(id);
  let firstTokenMs: number | null = null;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const pieces = parser.push(decoder.decode(value, { stream: true }));
    if (pieces.length === 0) continue;
    firstTokenMs ??= performance.now() - started;
    paint(pieces.join(''), firstTokenMs);
  }
  paint('', firstTokenMs, true);
  change(id, () => ({ state: 'done' }), {
    firstTokenMs,
    tookMs: performance.now() - started,
    promptTokens: parser.usage?.prompt_tokens ?? null,
    completionTokens: parser.usage?.completion_tokens ?? null,
    finishReason: parser.finishReason,
  });
}

async function send(body: unknown, token: string | null, signal: AbortSignal): Promise<Response> {
  try {
    return await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      body: JSON.stringify(body),
      signal,
    });
  } catch (cause) {
    if (signal.aborted) throw cause;
    throw new RefusedError('agent_unreachable', 'The agent does not answer.', { cause });
  }
}

/** Collects pieces and shows them once a frame. */
function painter(id: number): (piece: string, firstTokenMs: number | null, now?: boolean) => void {
  let waiting = '';
  let scheduled = false;
  const flush = (firstTokenMs: number | null): void => {
    scheduled = false;
    if (waiting === '') return;
    const text = waiting;
    waiting = '';
    change(id, (before) => ({ answer: before.answer + text }), { firstTokenMs });
  };
  return (piece, firstTokenMs, now = false) => {
    waiting += piece;
    if (now) flush(firstTokenMs);
    else if (!scheduled) {
      scheduled = true;
      beforeNextPaint(() => flush(firstTokenMs));
    }
  };
}

function change(id: number, next: (before: Turn) => Partial<Turn>, facts: Partial<AnswerFacts> = {}): void {
  chatStore.setState(({ turns }) => ({
    turns: turns.map((turn) =>
      turn.id === id ? { ...turn, ...next(turn), facts: { ...turn.facts, ...facts } } : turn,
    ),
  }));
}

/** Shorter than this, the answer came in one piece and says nothing about the speed. */
const MEASURABLE_MS = 100;

/** Tokens a second after the first one. Null while there is nothing to divide. Pure. */
export function tokensPerSecond({ completionTokens, firstTokenMs, tookMs }: AnswerFacts): number | null {
  if (completionTokens === null || firstTokenMs === null || tookMs === null || completionTokens < 2)
    return null;
  const spanMs = tookMs - firstTokenMs;
  return spanMs < MEASURABLE_MS ? null : ((completionTokens - 1) * 1000) / spanMs;
}
