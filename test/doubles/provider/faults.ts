import type { ServerResponse } from 'node:http';

/** What can go wrong with a call. A model `faulty-<fault>` always does it; the control route does it for any model. */
export const FAULTS = [
  '401',
  '403',
  '404',
  '429',
  '429-long',
  '422',
  '500',
  '503',
  'stall-before',
  'stall-after',
  'malformed',
  'cut',
  'hangup',
  'slow',
  'endless',
  'redirect',
  'huge-error',
  'error-event',
  'no-usage',
] as const;
export type Fault = (typeof FAULTS)[number];

/** @returns true when that was the answer. */
export function goWrong(
  fault: Fault,
  response: ServerResponse,
  refuse: (status: number, type: string, message: string) => void,
  { key, redirectTo }: { readonly key: string; readonly redirectTo: string },
): boolean {
  switch (fault) {
    case '401':
      refuse(401, 'authentication_error', `Incorrect API key provided: ${key}.`);
      return true;
    case '403':
      refuse(403, 'permission_error', `The key ${key} may not use this model.`);
      return true;
    case '404':
      refuse(404, 'not_found_error', 'The model does not exist.');
      return true;
    case '422':
      refuse(422, 'invalid_request_error', `top_p: must be below 1 (asked with ${key})`);
      return true;
    case '429':
      response.setHeader('retry-after', '0');
      refuse(429, 'rate_limit_error', 'Slow down.');
      return true;
    case '429-long':
      response.setHeader('retry-after', '30');
      refuse(429, 'rate_limit_error', 'Slow down for long.');
      return true;
    case '500':
      refuse(500, 'api_error', 'The server had an error.');
      return true;
    case '503':
      response.setHeader('retry-after', '0');
      refuse(503, 'overloaded_error', 'Overloaded.');
      return true;
    case 'stall-before':
      // Neither a head nor a byte, until the client gives up.
      return true;
    case 'malformed':
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"choices": [{"mess');
      return true;
    case 'hangup':
      response.destroy();
      return true;
    case 'redirect':
      response.writeHead(307, { location: redirectTo }).end();
      return true;
    case 'huge-error': {
      const text = `key ${key} failed `.repeat(200_000);
      response.writeHead(500, { 'content-type': 'text/plain' }).end(text);
      return true;
    }
    default:
      return false;
  }
}
