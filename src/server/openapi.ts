import { z } from 'zod';
import { COMMON_ERRORS, ERRORS, scopeOf, type Endpoint, type ErrorCode } from '../shared/contract/index.ts';
import { statusesOf } from './errors.ts';

/** The contract as an OpenAPI 3.1 document. Pure: the same rows give the same text. */
export function openApiDocument(
  rows: Record<string, Endpoint>,
  info: { title: string; version: string },
): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [id, row] of Object.entries(rows)) {
    const path = row.path.replace(/:(\w+)/g, '{$1}').replace('*', '{path}');
    paths[path] = { ...paths[path], [row.method.toLowerCase()]: operation(id, row) };
  }
  return {
    openapi: '3.1.0',
    info: {
      ...info,
      description:
        'Generated from the contract table. Roles: user < admin < superadmin; a reviewer is a user who votes.',
    },
    components: {
      securitySchemes: { key: { type: 'http', scheme: 'bearer' } },
      schemas: { Error: ERROR_SCHEMA, OpenAIError: OPENAI_ERROR_SCHEMA },
    },
    security: [{ key: [] }],
    paths,
  };
}

const CODES = Object.keys(ERRORS);
const ERROR_SCHEMA = {
  type: 'object',
  required: ['error', 'message', 'request_id'],
  properties: {
    error: { type: 'string', enum: CODES },
    message: { type: 'string' },
    hint: { type: 'string' },
    details: { type: 'object' },
    request_id: { type: 'string' },
  },
};
const OPENAI_ERROR_SCHEMA = {
  type: 'object',
  required: ['error'],
  properties: {
    error: {
      type: 'object',
      required: ['message', 'type', 'code', 'request_id'],
      properties: {
        message: { type: 'string' },
        type: { type: 'string' },
        code: { type: 'string', enum: CODES },
        param: { type: ['string', 'null'] },
        hint: { type: 'string' },
        request_id: { type: 'string' },
      },
    },
  },
};

const MEDIA_TYPES = {
  json: 'application/json',
  openai: 'application/json',
  events: 'text/event-stream',
  text: 'text/plain',
  file: 'application/octet-stream',
} as const;

function operation(id: string, row: Endpoint): Record<string, unknown> {
  const mediaType = row.mediaType ?? MEDIA_TYPES[row.kind ?? 'json'];
  const errorSchema = row.kind === 'openai' ? 'OpenAIError' : 'Error';
  const codes: ErrorCode[] =
    row.role === 'open' ? [...row.errors] : [...new Set([...COMMON_ERRORS, ...row.errors])];
  const responses: Record<string, unknown> = {
    [row.status]: {
      description: 'OK',
      content: { [mediaType]: { schema: jsonSchema(row.response, 'output') } },
    },
  };
  if (row.otherStatus !== undefined) responses[row.otherStatus.status] = responses[row.status];
  for (const [status, list] of [...statusesOf(codes)].toSorted(([a], [b]) => a - b)) {
    responses[status] = {
      description: list.join(', '),
      content: { 'application/json': { schema: { $ref: `#/components/schemas/${errorSchema}` } } },
    };
  }
  return {
    operationId: id,
    tags: [row.tag],
    summary: row.summary,
    'x-role': row.role,
    ...(row.owner === undefined ? {} : { 'x-owner-role': row.owner }),
    ...(row.role === 'open' ? {} : { 'x-scope': scopeOf(row) }),
    ...(row.role === 'open' ? { security: [] } : {}),
    parameters: [...parameters(row.params, 'path'), ...parameters(row.query, 'query')],
    ...(row.body === undefined
      ? {}
      : {
          requestBody: {
            required: !row.body.safeParse({}).success,
            content: { 'application/json': { schema: jsonSchema(row.body, 'input') } },
          },
        }),
    responses,
  };
}

function parameters(schema: z.ZodObject | undefined, where: 'path' | 'query'): Record<string, unknown>[] {
  if (schema === undefined) return [];
  return Object.entries(schema.shape).map(([name, field]) => ({
    name,
    in: where,
    required: where === 'path' || !(field as z.ZodType).safeParse(undefined).success,
    schema: jsonSchema(field as z.ZodType, 'input'),
  }));
}

function jsonSchema(schema: z.ZodType, io: 'input' | 'output'): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    target: 'draft-2020-12',
  });
  return rest;
}
