import type { Page } from 'playwright-core';

/** What the specs do inside the page, as its own code would: relative paths, no key. */

export interface PageAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly text: string;
  readonly body: Record<string, unknown>;
}

export async function callFromPage(
  page: Page,
  path: string,
  init: { readonly method?: string; readonly headers?: Record<string, string>; readonly body?: unknown } = {},
): Promise<PageAnswer> {
  const answer = await page.evaluate(
    async ([url, { method = 'GET', headers = {}, body }]) => {
      const response = await fetch(url, {
        method,
        headers: body === undefined ? headers : { ...headers, 'content-type': 'application/json' },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return {
        status: response.status,
        headers: Object.fromEntries(response.headers),
        text: await response.text(),
      };
    },
    [path, init] as const,
  );
  return { ...answer, body: parse(answer.text) };
}

function parse(text: string): Record<string, unknown> {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    // Pages and streams are looked at as text.
    return {};
  }
}

/** A chat whose answer the page reads as it comes. */
export interface PageStream {
  /** Until the first piece is here. */
  readonly begun: Promise<void>;
  /** @returns how many bytes had come. */
  abort(): Promise<number>;
}

interface StreamGlobals {
  stream?: { controller: AbortController; bytes: number };
}

export function chatFromPage(page: Page, model: string): PageStream {
  const begun = page.evaluate(async (id) => {
    const globals = globalThis as unknown as StreamGlobals;
    const stream = { controller: new AbortController(), bytes: 0 };
    globals.stream = stream;
    const response = await fetch('/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: id, messages: [{ role: 'user', content: 'Go on.' }], stream: true }),
      signal: stream.controller.signal,
    });
    if (response.status !== 200 || response.body === null) throw new Error(await response.text());
    const reader = response.body.getReader();
    const first = await reader.read();
    stream.bytes += first.value?.length ?? 0;
    const readOn = async (): Promise<void> => {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        stream.bytes += value.length;
      }
    };
    // It ends with the abort.
    readOn().catch(() => undefined);
  }, model);
  return {
    begun,
    abort: () =>
      page.evaluate(() => {
        const { stream } = globalThis as unknown as StreamGlobals;
        stream?.controller.abort();
        return stream?.bytes ?? 0;
      }),
  };
}

/** The agent's events, read by the page until they end; it comes back for them as often as it must. */
export interface PageEvents {
  /** Until the stream has been opened so many times. */
  opened(times: number): Promise<void>;
  /** What went wrong in between, in the page's words. */
  failures(): Promise<string[]>;
}

interface EventGlobals {
  events?: { opened: number; failures: string[]; told: () => void };
}

export async function followEvents(page: Page): Promise<PageEvents> {
  await page.evaluate(() => {
    const globals = globalThis as unknown as EventGlobals;
    const events: NonNullable<EventGlobals['events']> = { opened: 0, failures: [], told: () => undefined };
    globals.events = events;
    const readOnce = async (): Promise<void> => {
      const response = await fetch('/v1/events', { headers: { accept: 'text/event-stream' } });
      if (!response.ok || response.body === null) throw new Error(`status ${response.status}`);
      const reader = response.body.getReader();
      for (let isFirst = true; ; isFirst = false) {
        const { done } = await reader.read();
        if (done) return;
        if (!isFirst) continue;
        events.opened += 1;
        events.told();
      }
    };
    const follow = async (): Promise<void> => {
      for (;;) {
        await readOnce().catch((error: unknown) => {
          events.failures.push(String(error));
        });
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    void follow();
  });
  return {
    opened: async (times) => {
      await page.waitForFunction(
        (wanted) => ((globalThis as unknown as EventGlobals).events?.opened ?? 0) >= wanted,
        times,
        { timeout: 60_000 },
      );
    },
    failures: () =>
      page.evaluate(() => [...((globalThis as unknown as EventGlobals).events?.failures ?? [])]),
  };
}
