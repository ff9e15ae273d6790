import type { z } from 'zod';
import { AppError, ERRORS, errorBody, type ErrorCode } from '../shared/contract/index.ts';

/** The envelope of every route but the gateway's. */
export function problem(error: AppError, requestId: string): Record<string, unknown> {
  return { ...errorBody(error), request_id: requestId };
}

const OPENAI_TYPES: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'authentication_error',
  insufficient_role: 'permission_error',
  forbidden: 'permission_error',
  not_found: 'not_found_error',
  rate_limited: 'rate_limit_error',
};

/** The gateway's envelope: OpenAI's, with the same codes in `code`. */
export function openaiProblem(error: AppError, requestId: string): Record<string, unknown> {
  const fields = error.details?.['fields'];
  const param = Array.isArray(fields) && typeof fields[0] === 'string' ? fields[0] : null;
  const type = OPENAI_TYPES[error.code] ?? (error.status >= 500 ? 'server_error' : 'invalid_request_error');
  return {
    error: {
      message: error.message,
      type,
      code: error.code,
      param,
      hint: error.hint,
      ...(error.details === undefined ? {} : { details: error.details }),
      request_id: requestId,
    },
  };
}

/** What Fastify throws before a handler runs, in the words of the error table. */
export function fromFastify(error: unknown): AppError | null {
  if (!(error instanceof Error)) return null;
  const { code, statusCode } = error as Error & { code?: string; statusCode?: number };
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new AppError('payload_too_large', 'The body is larger than this route accepts.');
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return new AppError('invalid_argument', 'Send the body as application/json.', {
        details: { fields: ['content-type'] },
      });
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
      return new AppError('invalid_argument', 'The body is not as long as Content-Length says.', {
        details: { fields: ['content-length'] },
      });
    case 'FST_ERR_BAD_URL':
    case 'FST_ERR_MAX_PARAM_LENGTH':
      return new AppError('invalid_argument', 'The path is not a valid one.', {
        details: { fields: ['path'] },
      });
    default:
  }
  if (error instanceof SyntaxError || (statusCode === 400 && code?.startsWith('FST_ERR_CTP') === true)) {
    return new AppError('invalid_argument', `The body is not JSON: ${error.message}.`, {
      details: { fields: ['body'] },
    });
  }
  return statusCode !== undefined && statusCode < 500
    ? new AppError('invalid_argument', error.message)
    : null;
}

/** The first few problems of a zod error as `invalid_argument` with the fields named. */
export function invalidArgument(error: z.ZodError, where: 'params' | 'query' | 'body'): AppError {
  const fields = new Set<string>();
  let allowed: unknown;
  const issues = error.issues.flatMap((issue) => inUnion(issue));
  for (const issue of issues.slice(0, 20)) {
    const path = issue.path.map(String).join('.');
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) fields.add(path === '' ? key : `${path}.${key}`);
    } else fields.add(path === '' ? where : path);
    if (issue.code === 'invalid_value') allowed ??= issue.values;
  }
  const [first] = issues;
  const names = [...fields];
  return new AppError(
    'invalid_argument',
    `${names.slice(0, 5).join(', ')}: ${first?.message ?? 'not valid'}`.replace(/\.?$/, '.'),
    {
      details: { fields: names, ...(allowed === undefined ? {} : { allowed }) },
    },
  );
}

/** Of the branches of a union, what is wrong with the one that was most likely meant. */
function inUnion(issue: z.core.$ZodIssue): z.core.$ZodIssue[] {
  if (issue.code !== 'invalid_union') return [issue];
  const [meant] = issue.errors.toSorted((a, b) => farOff(a) - farOff(b));
  // A wrong type of the whole value has no branch that was meant.
  if (meant === undefined || meant.some((inner) => inner.path.length === 0 && inner.code === 'invalid_type'))
    return [issue];
  return meant.flatMap((inner) => inUnion({ ...inner, path: [...issue.path, ...inner.path] }));
}

/** A branch whose fixed values do not fit was not meant; else the one with the fewest problems was. */
function farOff(issues: readonly z.core.$ZodIssue[]): number {
  const unknown = issues.reduce(
    (sum, issue) => sum + (issue.code === 'unrecognized_keys' ? issue.keys.length : 0),
    0,
  );
  const fixed = issues.some((issue) => issue.code === 'invalid_value' && issue.values.length === 1);
  return (fixed ? 1000 : 0) + issues.length + unknown;
}

/** Statuses a row can answer with, for the OpenAPI document. */
export function statusesOf(codes: readonly ErrorCode[]): Map<number, ErrorCode[]> {
  const byStatus = new Map<number, ErrorCode[]>();
  for (const code of codes)
    byStatus.set(ERRORS[code].status, [...(byStatus.get(ERRORS[code].status) ?? []), code]);
  return byStatus;
}
