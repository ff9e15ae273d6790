import type { Command } from 'commander';
import {
  AppError,
  ENDPOINTS,
  endpointUrl,
  USAGE_GROUPS,
  type EndpointInput,
  type UsageGroup,
  type UsageMetrics,
  type UsageRow,
} from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatTable } from '../output.ts';

interface Options {
  readonly by: string;
  readonly from?: string;
  readonly to?: string;
  readonly model?: string;
  readonly key?: string;
  readonly csv?: boolean;
  readonly limit: string;
}

type Query = NonNullable<EndpointInput<typeof ENDPOINTS.listUsage>['query']>;

const PAGE_ROWS = 200;

export function usageCommand(program: Command): void {
  action<Options>(
    program
      .command('usage')
      .description('calls, errors, tokens and latency; the last 30 days unless told otherwise')
      .option(
        '--by <groups>',
        `what to sum by: ${USAGE_GROUPS.join(', ')} or several with commas`,
        'day,model',
      )
      .option('--from <day>', 'first UTC day, like 2026-11-01')
      .option('--to <day>', 'last UTC day')
      .option('--model <id>', 'only this model')
      .option('--key <id>', 'only this key')
      .option('--limit <n>', 'rows', '100')
      .option('--csv', 'the whole of it as CSV'),
    async ({ agent, output }, options) => {
      const query: Query = {
        group_by: groups(options.by),
        ...(options.from === undefined ? {} : { from: options.from }),
        ...(options.to === undefined ? {} : { to: options.to }),
        ...(options.model === undefined ? {} : { model_id: options.model }),
        ...(options.key === undefined ? {} : { key_id: options.key }),
      };
      const connection = await agent();
      if (options.csv === true) {
        await printCsv(connection, query);
        return;
      }
      const limit = Number(options.limit);
      if (!Number.isSafeInteger(limit) || limit < 1)
        throw new AppError('invalid_argument', '--limit takes a whole number from 1 on.');
      const { call } = connection;
      const first = await call(ENDPOINTS.listUsage, {
        query: { ...query, limit: Math.min(limit, PAGE_ROWS) },
      });
      const rows = [...first.usage];
      let cursor = first.next_cursor;
      while (cursor !== null && rows.length < limit) {
        const more = await call(ENDPOINTS.listUsage, {
          query: { ...query, limit: Math.min(limit - rows.length, PAGE_ROWS), cursor },
        });
        rows.push(...more.usage);
        cursor = more.next_cursor;
      }
      const { from, to, total } = first;
      output.result(
        { usage: rows, next_cursor: cursor, from, to, total },
        [
          rows.length === 0 ? 'No call was counted.' : table(rows, total),
          `${from} to ${to}, UTC days.${cursor === null ? '' : ' There are more rows; see --limit and --csv.'}`,
        ].join('\n'),
      );
    },
  );
}

/** @throws {AppError} `invalid_argument` for something usage is not summed by. */
function groups(text: string): UsageGroup[] {
  const asked = text.split(',').map((word) => word.trim());
  const unknown = asked.filter((word) => !(USAGE_GROUPS as readonly string[]).includes(word));
  if (unknown.length > 0)
    throw new AppError('invalid_argument', `Usage is not summed by ${unknown.join(', ')}.`, {
      hint: `Use ${USAGE_GROUPS.join(', ')}.`,
      details: { allowed: [...USAGE_GROUPS] },
    });
  return asked as UsageGroup[];
}

/** As it comes, without the rest of the year in memory. */
async function printCsv({ url, token, call }: Connection, query: Query): Promise<void> {
  // Refusals come as JSON, and this one reads them.
  await call(ENDPOINTS.listUsage, { query: { ...query, limit: 1 } });
  const response = await fetch(url + endpointUrl(ENDPOINTS.exportUsage, { query }), {
    headers: { authorization: `Bearer ${token}` },
  });
  if (!response.ok || response.body === null)
    throw new AppError('agent_unreachable', `The agent answered with status ${response.status}.`);
  for await (const chunk of response.body)
    if (!process.stdout.write(chunk)) await new Promise((resolve) => process.stdout.once('drain', resolve));
}

function table(rows: readonly UsageRow[], total: UsageMetrics): string {
  const has = (field: 'day' | 'model_id' | 'key_id'): boolean => rows.some((row) => row[field] !== null);
  const columns = [
    ...(has('day') ? (['day'] as const) : []),
    ...(has('model_id') ? (['model'] as const) : []),
    ...(has('key_id') ? (['key'] as const) : []),
  ];
  const names = (row: UsageRow): Record<(typeof columns)[number], string> => ({
    day: row.day ?? '',
    model: row.model_id ?? '',
    key: row.key_name ?? row.key_id ?? '',
  });
  return formatTable(
    [...columns, 'calls', 'errors', 'streams', 'in', 'out', 'mean', 'longest'],
    [
      ...rows.map((row) => [...columns.map((column) => names(row)[column]), ...figures(row)]),
      [...columns.map((_column, i) => (i === 0 ? 'total' : '')), ...figures(total)],
    ],
  );
}

function figures(row: UsageMetrics): string[] {
  const ms = (value: number | null): string => (value === null ? '-' : `${Math.round(value)} ms`);
  return [
    String(row.calls),
    String(row.errors),
    String(row.streams),
    String(row.prompt_tokens),
    String(row.completion_tokens),
    ms(row.latency_ms_mean),
    ms(row.latency_ms_max),
  ];
}
