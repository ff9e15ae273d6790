import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { StreamKeeper, type Page } from './keeper.ts';
import type { KeeperMessage } from './protocol.ts';

/** An agent that opens streams and says nothing until told. */
class Line {
  readonly opened: { url: string; headers: Headers; signal: AbortSignal; send: (text: string) => void }[] =
    [];
  readonly fetch = (url: string, { headers, signal }: RequestInit): Promise<Response> => {
    let send: (text: string) => void = () => undefined;
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => {
        send = (text) => controller.enqueue(new TextEncoder().encode(text));
        signal?.addEventListener('abort', () => controller.error(new DOMException('gone', 'AbortError')));
      },
    });
    this.opened.push({
      url,
      headers: new Headers(headers),
      signal: signal ?? new AbortController().signal,
      send,
    });
    return Promise.resolve(new Response(body, { status: 200 }));
  };
  get live(): number {
    return this.opened.filter(({ signal }) => !signal.aborted).length;
  }
}

const OPEN = 'event: stream.open\ndata: {"head_seq":7,"version":"1.0.0"}\n\n';

function page(): Page & { readonly heard: KeeperMessage[] } {
  const heard: KeeperMessage[] = [];
  return { heard, send: (message) => void heard.push(message) };
}

describe('the keeper of the event stream', () => {
  let line: Line;
  let keeper: StreamKeeper;
  beforeEach(() => {
    line = new Line();
    vi.stubGlobal('fetch', line.fetch);
    keeper = new StreamKeeper();
  });
  afterEach(() => vi.unstubAllGlobals());

  const attach = (one: Page, token = 'k', topics: ('jobs' | 'logs')[] = ['jobs']): void => {
    keeper.connect(one);
    keeper.receive(one, { type: 'attach', token, topics });
  };

  it('holds one stream for all pages with one key, and ends it with the last', async () => {
    const [first, second] = [page(), page()];
    attach(first);
    attach(second);
    expect(line.live).toBe(1);
    expect(line.opened[0]?.headers.get('authorization')).toBe('Bearer k');
    await Promise.resolve();
    line.opened[0]?.send(`${OPEN}id: 8\nevent: job\ndata: {"job":{"id":"j"}}\n\n`);
    await vi.waitFor(() => expect(second.heard.some(({ type }) => type === 'events')).toBe(true));
    expect(first.heard.some(({ type }) => type === 'events')).toBe(true);
    keeper.receive(first, { type: 'detach' });
    expect(line.live).toBe(1);
    keeper.receive(second, { type: 'detach' });
    expect(line.live).toBe(0);
  });

  it('opens another stream for other topics, and goes on where it was', async () => {
    const [first, second] = [page(), page()];
    attach(first);
    await Promise.resolve();
    line.opened[0]?.send(`${OPEN}id: 8\nevent: journal\ndata: {}\n\n`);
    await vi.waitFor(() => expect(first.heard.some(({ type }) => type === 'events')).toBe(true));
    attach(second, 'k', ['logs']);
    await vi.waitFor(() => expect(line.opened).toHaveLength(2));
    expect(line.opened[1]?.url).toBe('/v1/events?topics=jobs,logs');
    expect(line.opened[1]?.headers.get('last-event-id')).toBe('8');
    expect(line.live).toBe(1);
  });

  it('gives a new tab the key of one that is signed in, and none when nobody is', async () => {
    const [first, stranger] = [page(), page()];
    keeper.connect(stranger);
    keeper.receive(stranger, { type: 'ask-session' });
    expect(stranger.heard).toEqual([{ type: 'session', token: null }]);
    attach(first);
    await Promise.resolve();
    line.opened[0]?.send(OPEN);
    await vi.waitFor(() => {
      keeper.receive(stranger, { type: 'ask-session' });
      expect(stranger.heard.at(-1)).toEqual({ type: 'session', token: 'k' });
    });
  });

  it('signs the other pages out with one of them', () => {
    const [first, second] = [page(), page()];
    attach(first);
    attach(second);
    keeper.receive(first, { type: 'sign-out', token: 'k' });
    expect(second.heard.at(-1)).toMatchObject({ type: 'state', state: { status: 'refused' } });
    expect(line.live).toBe(0);
  });
});
