import { describe, expect, it } from 'vitest';
import { upstreamRefusal } from './forward.ts';
import { tokenCounts } from './usage.ts';

describe('the tokens of an answer', () => {
  it.each([
    [
      'usage of a whole answer',
      '{"choices":[],"usage":{"completion_tokens":14,"prompt_tokens":41,"total_tokens":55}}',
      41,
      14,
    ],
    ['usage with spaces', '"usage":{"prompt_tokens": 3, "completion_tokens": 4}', 3, 4],
    [
      'timings at the end of a stream',
      'data: {"timings":{"cache_n":40,"prompt_n":1,"predicted_n":14}}\n\ndata: [DONE]\n\n',
      41,
      14,
    ],
    [
      'the last usage when there are several',
      '"usage":{"prompt_tokens":1,"completion_tokens":1} "usage":{"prompt_tokens":2,"completion_tokens":5}',
      2,
      5,
    ],
    [
      'usage over timings',
      '"timings":{"prompt_n":9,"predicted_n":9} "usage":{"prompt_tokens":2,"completion_tokens":5}',
      2,
      5,
    ],
    ['nothing', 'data: [DONE]', 0, 0],
  ])('%s', (_name, text, prompt, completion) => {
    expect(tokenCounts(Buffer.from(text))).toEqual({ prompt, completion });
  });
});

describe('what a runtime refuses', () => {
  const body = (error: object): string => JSON.stringify({ error });
  it.each([
    [
      400,
      body({ type: 'exceed_context_size_error', message: 'x', n_prompt_tokens: 41_200, n_ctx: 32_768 }),
      'invalid_argument',
      '41200 tokens; this slot takes 32768. Nothing was cut.',
    ],
    [
      400,
      body({ type: 'invalid_request_error', message: 'bad top_p', param: 'top_p' }),
      'invalid_argument',
      'bad top_p',
    ],
    [
      501,
      body({ type: 'not_supported_error', message: 'no embeddings' }),
      'unsupported_format',
      'no embeddings',
    ],
    [503, body({ message: 'Loading model' }), 'model_not_loaded', 'The runtime is not ready: Loading model'],
    [500, '<html>oops</html>\nmore', 'upstream_failed', 'The runtime answered with 500: <html>oops</html>'],
    [500, '', 'upstream_failed', 'The runtime answered with 500: no reason given'],
  ])('%i %s', (status, text, code, message) => {
    expect(upstreamRefusal(status, text)).toMatchObject({ code, message });
  });

  it('names the parameter', () => {
    expect(upstreamRefusal(400, body({ message: 'bad', param: 'top_p' })).details).toMatchObject({
      fields: ['top_p'],
    });
  });
});
