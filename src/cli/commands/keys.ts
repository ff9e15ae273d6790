import type { Command } from 'commander';
import { AppError, ENDPOINTS, KEY_SCOPES, type Key, type KeyScope } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatTable, formatTime } from '../output.ts';
import { findPrincipal, pagesOf } from './access.ts';

interface RightsOptions {
  readonly scopes?: string;
  readonly expires?: string;
  readonly rateLimit?: string;
  readonly tokenBudget?: string;
}

export function keyCommands(program: Command): void {
  const keys = program.command('keys').description('keys that call this node');
  readKeys(keys);
  makeKeys(keys);
  endKeys(keys);

  const secrets = program.command('secrets').description('where the key of the stored secrets lies');
  action<{ to: 'file' }>(
    secrets
      .command('rewrap')
      .description('move the key to another keeper')
      .requiredOption('--to <keeper>', 'file; moving to the keychain is done in the desktop app'),
    async ({ agent, output }, options) => {
      const answer = await (await agent()).call(ENDPOINTS.rewrapSecrets, { body: { to: options.to } });
      output.result(answer, `The key of the secrets is kept by the ${answer.wrapped_by} now.`);
    },
  );
}

function readKeys(keys: Command): void {
  action<{ for?: string; all?: boolean }>(
    keys
      .command('list', { isDefault: true })
      .description('keys and sessions, newest first')
      .option('--for <principal>', 'only those of this person or service')
      .option('--all', 'with revoked ones'),
    async ({ agent, output }, options) => {
      const connection = await agent();
      const principal = options.for === undefined ? null : await findPrincipal(connection, options.for);
      const found: Key[] = [];
      for await (const page of keyPages(connection, principal === null ? {} : { principal_id: principal.id }))
        found.push(...page.keys.filter((key) => options.all === true || key.revoked_at === null));
      const rows = found.map((key) => [
        key.id,
        key.kind,
        key.name,
        key.principal_name,
        key.role,
        `…${key.last4}`,
        key.revoked_at === null ? formatTime(key.expires_at) : 'revoked',
        formatTime(key.last_used_at),
      ]);
      const header = ['id', 'kind', 'name', 'whose', 'role', 'key', 'expires', 'last used'];
      output.result({ keys: found, next_cursor: null }, formatTable(header, rows));
    },
  );
  action(
    keys.command('show').description('one key').argument('<key>', 'name or id'),
    async ({ agent, output }, _options, ref) => {
      const key = await findKey(await agent(), ref ?? '');
      output.result({ key }, keyText(key));
    },
  );
}

function makeKeys(keys: Command): void {
  action<RightsOptions & { role?: Role; for?: string }>(
    withRights(
      keys
        .command('create')
        .description('make a key; it is shown once')
        .argument('<name>')
        .option('--role <role>', 'user, reviewer, admin or superadmin; user unless it is for somebody')
        .option('--for <principal>', 'whose key it is; without it, a service of its own'),
    ),
    async ({ agent, output }, options, name) => {
      const connection = await agent();
      const { expires_at: end, ...rights } = rightsOf(options);
      const body = {
        name: name ?? '',
        ...(options.role === undefined ? {} : { role: options.role }),
        ...(options.for === undefined
          ? {}
          : { principal_id: (await findPrincipal(connection, options.for)).id }),
        ...rights,
        ...(end === undefined || end === null ? {} : { expires_at: end }),
      };
      const answer = await connection.call(ENDPOINTS.createKey, { body });
      output.result(answer, `${answer.token}\n${SHOWN_ONCE}`);
    },
  );
  action<RightsOptions>(
    withRights(
      keys.command('edit').description('change scopes, end and limits').argument('<key>', 'name or id'),
    ),
    async ({ agent, output }, options, ref) => {
      const body = rightsOf(options);
      if (Object.keys(body).length === 0)
        throw new AppError('invalid_argument', 'Nothing to change was given.', {
          hint: 'Use --scopes, --expires, --rate-limit or --token-budget; none takes a limit away.',
        });
      const connection = await agent();
      const { id } = await findKey(connection, ref ?? '');
      const { key } = await connection.call(ENDPOINTS.patchKey, { params: { id }, body });
      output.result({ key }, keyText(key));
    },
  );
  action<{ overlap: string }>(
    keys
      .command('rotate')
      .description('make the next key of the same name, rights and limits; it is shown once')
      .argument('<key>', 'name or id')
      .option('--overlap <time>', 'how long the old one goes on, like 0s, 90m, 24h or 7d', '24h'),
    async ({ agent, output }, { overlap }, ref) => {
      const connection = await agent();
      const { id } = await findKey(connection, ref ?? '');
      const body = { overlap_seconds: secondsOf('overlap', overlap) };
      const answer = await connection.call(ENDPOINTS.rotateKey, { params: { id }, body });
      const ends = formatTime(answer.replaced.expires_at);
      output.result(answer, `${answer.token}\n${SHOWN_ONCE}\n  The old key ends ${ends}.`);
    },
  );
}

function endKeys(keys: Command): void {
  action<{ dryRun?: boolean }>(
    keys
      .command('revoke')
      .description('revoke a key and the sessions opened with it')
      .argument('<key>', 'name or id')
      .option('--dry-run', 'only say what it would do'),
    async ({ agent, output }, { dryRun }, ref) => {
      const connection = await agent();
      const { id, name } = await findKey(connection, ref ?? '');
      if (dryRun === true) {
        const body = { action: 'revoke' } as const;
        const answer = await connection.call(ENDPOINTS.previewKeyEffects, { params: { id }, body });
        output.result(answer, answer.effects.map((effect) => effect.sentence).join('\n'));
        return;
      }
      const { key } = await connection.call(ENDPOINTS.revokeKey, { params: { id } });
      output.result({ key }, `${name} is revoked.`);
    },
  );
}

const SHOWN_ONCE = '  Copy it now. It is stored as a hash and cannot be shown again.';

function withRights(command: Command): Command {
  return command
    .option('--scopes <list>', `what it may be used for: ${KEY_SCOPES.join(',')}`)
    .option('--expires <time>', 'ISO time, or from now like 90m, 24h or 30d; none for no end')
    .option('--rate-limit <calls>', 'calls to models a minute; none for no limit')
    .option('--token-budget <tokens>', 'tokens a UTC day; none for no limit');
}

function rightsOf({ scopes, expires, rateLimit, tokenBudget }: RightsOptions) {
  return {
    // Which scopes there are the agent knows; it names them when one is wrong.
    ...(scopes === undefined ? {} : { scopes: scopes.split(',') as KeyScope[] }),
    ...(expires === undefined ? {} : { expires_at: endOf(expires) }),
    ...(rateLimit === undefined ? {} : { rate_limit_per_minute: limitOf('rate-limit', rateLimit) }),
    ...(tokenBudget === undefined ? {} : { daily_token_budget: limitOf('token-budget', tokenBudget) }),
  };
}

function limitOf(option: string, text: string): number | null {
  if (text === 'none') return null;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new AppError('invalid_argument', `--${option} takes a whole number above 0, or none.`, {
    details: { fields: [option] },
  });
}

function endOf(text: string): string | null {
  if (text === 'none') return null;
  const at = /^\d+[smhd]$/.test(text) ? Date.now() + secondsOf('expires', text) * 1000 : Date.parse(text);
  const date = new Date(at);
  if (!Number.isNaN(date.getTime())) return date.toISOString();
  throw new AppError('invalid_argument', '--expires takes an ISO time, a time from now like 30d, or none.', {
    details: { fields: ['expires'] },
  });
}

const UNIT_SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

function secondsOf(option: string, text: string): number {
  const [, amount = '', unit = ''] = /^(\d{1,9})([smhd])$/.exec(text) ?? [];
  const factor = UNIT_SECONDS[unit];
  if (factor !== undefined) return Number(amount) * factor;
  throw new AppError('invalid_argument', `--${option} takes a time like 0s, 90m, 24h or 7d.`, {
    details: { fields: [option] },
  });
}

const keyPages = ({ call }: Connection, filter: { principal_id?: string }) =>
  pagesOf((cursor) => call(ENDPOINTS.listKeys, { query: { limit: 200, ...cursor, ...filter } }));

/** By the name of one that is in use and was not replaced, or by id. @throws {AppError} `not_found`. */
async function findKey(connection: Connection, ref: string): Promise<Key> {
  for await (const page of keyPages(connection, {})) {
    const found = page.keys.find(
      (key) =>
        key.name === ref && key.revoked_at === null && key.replaced_by === null && key.kind !== 'session',
    );
    if (found !== undefined) return found;
  }
  return (await connection.call(ENDPOINTS.getKey, { params: { id: ref } })).key;
}

function keyText(key: Key): string {
  const limit = (value: number | null, what: string): string =>
    value === null ? 'none' : `${value.toLocaleString('en-US')} ${what}`;
  const { calls, tokens } = key.today;
  return [
    `${key.name} (…${key.last4}, ${key.kind})${key.revoked_at === null ? '' : ', revoked'}`,
    `  id            ${key.id}`,
    `  whose         ${key.principal_name}`,
    `  role          ${key.role}`,
    `  scopes        ${key.scopes.join(', ')}`,
    `  rate limit    ${limit(key.rate_limit_per_minute, 'calls a minute')}`,
    `  token budget  ${limit(key.daily_token_budget, 'a day')}`,
    `  today         ${calls.toLocaleString('en-US')} calls, ${tokens.toLocaleString('en-US')} tokens`,
    `  last used     ${formatTime(key.last_used_at)}`,
    `  ends          ${formatTime(key.expires_at)}`,
    ...(key.replaced_by === null ? [] : [`  replaced by   ${key.replaced_by}`]),
  ].join('\n');
}
