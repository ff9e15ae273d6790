import { act, renderHook } from '@testing-library/react';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Slot, SlotMetrics } from '../../shared/contract/index.ts';
import { liveFeed, liveStore } from './live.ts';
import { sessionStore } from './session.ts';
import { useSlotMetrics } from './slot-metrics.ts';
import { StreamLink } from './stream/link.ts';

const sample = (second: number, rate: number): SlotMetrics => ({
  at: new Date(Date.UTC(2026, 10, 14, 12, 0, second)).toISOString(),
  requests_running: 1,
  requests_waiting: 0,
  tokens_per_second: rate,
  prompt_tokens_per_second: null,
  kv_cache_percent: null,
});
const OPEN = 'event: stream.open\ndata: {"head_seq":7,"version":"1.0.0"}\n\n';

/** An agent that keeps samples of one slot and opens event streams. */
class Agent {
  readonly streams: { topics: string; send: (text: string) => void; signal: AbortSignal }[] = [];
  kept: SlotMetrics[] = [];
  readonly fetch = (url: string, init?: RequestInit): Promise<Response> => {
    if (url.startsWith('/v1/events')) return Promise.resolve(this.#open(url, init?.signal ?? null));
    const body = url.endsWith('/telemetry')
      ? { slot_id: 'chat', samples: this.kept }
      : { slots: Object.values(liveStore.getState().slots), jobs: [], next_cursor: null, counts: {} };
    return Promise.resolve(Response.json(body));
  };
  #open(url: string, signal: AbortSignal | null): Response {
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        const send = (text: string): void => controller.enqueue(new TextEncoder().encode(text));
        signal?.addEventListener('abort', () => controller.error(new DOMException('gone', 'AbortError')));
        const topics = new URL(url, 'http://agent').searchParams.get('topics') ?? '';
        this.streams.push({ topics, send, signal: signal ?? new AbortController().signal });
        send(OPEN);
      },
    });
    return new Response(body, { status: 200 });
  }
  get topics(): string {
    return this.streams.findLast(({ signal }) => !signal.aborted)?.topics ?? '';
  }
  tell(metrics: SlotMetrics, slot = 'chat'): void {
    const data = JSON.stringify({ slot_id: slot, metrics });
    this.streams.at(-1)?.send(`event: slot_metrics\ndata: ${data}\n\n`);
  }
}

describe('the figures of an engine in the page', () => {
  const agent = new Agent();
  beforeEach(() => {
    vi.stubGlobal('fetch', agent.fetch);
    liveStore.setState({ slots: { chat: { id: 'chat', load_state: 'loaded', attempt: 1 } as Slot } });
  });
  afterEach(() => vi.unstubAllGlobals());

  it('are listened to only while something shows them, and follow what was kept without a gap or a double', async () => {
    liveFeed.start(new StreamLink(null));
    sessionStore.setState(
      { state: 'signed-in', key: { role: 'superadmin' } as never, nodeName: 'node' },
      true,
    );
    await vi.waitFor(() => expect(agent.topics).toBe('jobs,journal,slots,system'));

    agent.kept = [sample(1, 10), sample(2, 20)];
    const shown = renderHook(() => useSlotMetrics('chat'));
    const rates = (): (number | null)[] => shown.result.current.map((one) => one.tokens_per_second);
    await vi.waitFor(() => expect(agent.topics).toContain('telemetry'));
    await vi.waitFor(() => expect(rates()).toEqual([10, 20]));
    agent.tell(sample(2, 20));
    agent.tell(sample(3, 30));
    agent.tell(sample(4, 99), 'another');
    await vi.waitFor(() => expect(rates()).toEqual([10, 20, 30]));

    // Another engine in the slot: what the one before did is no part of its line.
    agent.kept = [sample(9, 1)];
    act(() =>
      liveStore.setState({ slots: { chat: { id: 'chat', load_state: 'loaded', attempt: 2 } as Slot } }),
    );
    await vi.waitFor(() => expect(rates()).toEqual([1]));
    act(() =>
      liveStore.setState({ slots: { chat: { id: 'chat', load_state: 'empty', attempt: 2 } as Slot } }),
    );
    await vi.waitFor(() => expect(rates()).toEqual([]));

    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    shown.unmount();
    expect(agent.topics).toContain('telemetry');
    vi.advanceTimersByTime(3000);
    vi.useRealTimers();
    await vi.waitFor(() => expect(agent.topics).toBe('jobs,journal,slots,system'));
  });
});
