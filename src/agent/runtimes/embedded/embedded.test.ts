import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ChatRequestSchema, CompletionRequestSchema, describeIssue, samplingOf } from './parameters.ts';
import { StopScanner } from './stop-scanner.ts';

const messages = [{ role: 'user', content: 'hi' }];

describe('the parameters of the embedded runtime', () => {
  it.each([
    'logprobs',
    'tools',
    'tool_choice',
    'logit_bias',
    'functions',
    'modalities',
    'mirostat',
    'grammar',
    'service_tier',
  ])('refuse %s by name, because it would be ignored', (name) => {
    const result = ChatRequestSchema.safeParse({ messages, [name]: 1 });
    expect(result.success).toBe(false);
    expect(describeIssue(result.error!)).toMatchObject({
      param: name,
      message: expect.stringContaining('refused'),
    });
  });

  it.each([
    ['two answers', { n: 2 }],
    ['JSON', { response_format: { type: 'json_object' } }],
    ['a negative temperature', { temperature: -1 }],
    ['an empty stop', { stop: '' }],
    ['no tokens', { max_tokens: 0 }],
    ['pictures', { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url: 'x' } }] }] }],
  ])('refuse %s', (_name, more) => {
    expect(ChatRequestSchema.safeParse({ messages, ...more }).success).toBe(false);
  });

  it('take null for absent, as clients send it', () => {
    expect(
      ChatRequestSchema.safeParse({
        messages,
        stop: null,
        max_tokens: null,
        temperature: null,
        stream: null,
        n: null,
      }).success,
    ).toBe(true);
  });

  it('have the defaults of llama-server', () => {
    expect(samplingOf(ChatRequestSchema.parse({ messages }))).toEqual({
      temperature: 0.8,
      topP: 0.95,
      topK: 40,
      minP: 0.05,
      seed: null,
      frequencyPenalty: 0,
      presencePenalty: 0,
      ignoreEnd: false,
      repeatPenalty: 1,
      stop: [],
      maxTokens: null,
    });
  });

  it('read the newer name of the limit first', () => {
    expect(
      samplingOf(ChatRequestSchema.parse({ messages, max_tokens: 5, max_completion_tokens: 7, stop: 'x' })),
    ).toMatchObject({ maxTokens: 7, stop: ['x'] });
  });

  it('take one prompt', () => {
    expect(CompletionRequestSchema.safeParse({ prompt: ['a'] }).success).toBe(true);
    expect(CompletionRequestSchema.safeParse({ prompt: ['a', 'b'] }).success).toBe(false);
    expect(CompletionRequestSchema.safeParse({ prompt: [1, 2] }).success).toBe(false);
  });
});

describe('stop texts', () => {
  it('are found however the text comes in, and never shown', () => {
    fc.assert(
      fc.property(
        fc.string({ maxLength: 20 }),
        fc.constantFrom('END', '</s>', 'aa'),
        fc.string({ maxLength: 10 }),
        fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 40 }),
        (before, stop, after, sizes) => {
          const text = before + stop + after;
          const scanner = new StopScanner([stop]);
          let out = '';
          let at = 0;
          for (const size of [...sizes, text.length]) {
            out += scanner.push(text.slice(at, at + size));
            at += size;
          }
          expect(out).toBe(text.slice(0, text.indexOf(stop)));
          expect(scanner.stopped).toBe(true);
        },
      ),
    );
  });

  it('let go of what only looked like one', () => {
    const scanner = new StopScanner(['END']);
    expect(scanner.push('the E')).toBe('the ');
    expect(scanner.push('lephant EN')).toBe('Elephant ');
    expect(scanner.flush()).toBe('EN');
  });
});
