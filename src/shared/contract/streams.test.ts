import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatStream } from './chat-stream.ts';
import { AppError, ERRORS } from './errors.ts';
import { SseParser } from './sse.ts';

const cut = (text: string, places: readonly number[]): string[] => {
  const sorted = [...new Set(places.map((place) => place % (text.length + 1)))].toSorted((a, b) => a - b);
  return [...sorted, text.length].map((end, i) => text.slice(i === 0 ? 0 : sorted[i - 1], end));
};

describe('server-sent events', () => {
  it('are the same however the text is cut', () => {
    const text = 'id: 7\nevent: journal\ndata: {"a":1}\n\n: still here\n\ndata: one\ndata: two\n\n';
    fc.assert(
      fc.property(fc.array(fc.nat(200)), (places) => {
        const parser = new SseParser();
        const events = cut(text, places).flatMap((piece) => parser.push(piece));
        expect(events).toEqual([
          { id: '7', name: 'journal', data: '{"a":1}' },
          { id: null, name: 'message', data: 'one\ntwo' },
        ]);
      }),
    );
  });
});

describe('a streamed chat', () => {
  it('gives the pieces, the reason and the usage', () => {
    const stream = new ChatStream();
    const pieces = stream.push(
      [
        'data: {"choices":[{"delta":{"role":"assistant","content":null},"finish_reason":null}]}',
        'data: {"choices":[{"delta":{"content":"Hello"}}]}',
        'data: {"choices":[{"delta":{},"finish_reason":"stop"}]}',
        'data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":1}}',
        'data: [DONE]',
        '',
      ].join('\n\n'),
    );
    expect(pieces).toEqual(['Hello']);
    expect(stream).toMatchObject({ finishReason: 'stop', usage: { prompt_tokens: 3, completion_tokens: 1 } });
  });

  it('throws what the gateway reports in the middle', () => {
    expect(() =>
      new ChatStream().push('data: {"error":{"code":"upstream_failed","message":"gone"}}\n\n'),
    ).toThrow(new AppError('upstream_failed', 'gone'));
  });
});

describe('the error table', () => {
  it('gives every refusal a status and a way out', () => {
    for (const [code, row] of Object.entries(ERRORS)) {
      expect(row.status, code).toBeGreaterThanOrEqual(400);
      expect(row.hint, code).toMatch(/\.$/);
    }
  });
});
