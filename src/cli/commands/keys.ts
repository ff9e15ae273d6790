import type { Command } from 'commander';
import { ENDPOINTS } from '../../shared/contract/index.ts';
import { action } from '../command-context.ts';
import { formatTable, formatTime } from '../output.ts';

export function keyCommands(program: Command): void {
  const keys = program.command('keys').description('keys that call this node');
  action(
    keys.command('list', { isDefault: true }).description('keys and sessions'),
    async ({ agent, output }) => {
      const page = await (await agent()).call(ENDPOINTS.listKeys, { query: { limit: 200 } });
      const rows = page.keys.map((key) => [
        key.id,
        key.kind,
        key.name,
        key.role,
        `…${key.last4}`,
        key.revoked_at === null ? formatTime(key.expires_at) : 'revoked',
        formatTime(key.last_used_at),
      ]);
      output.result(page, formatTable(['id', 'kind', 'name', 'role', 'key', 'expires', 'last used'], rows));
    },
  );
  action<{ role: 'user' | 'reviewer' | 'admin' | 'superadmin'; expires?: string }>(
    keys
      .command('create')
      .description('make a key; it is shown once')
      .argument('<name>')
      .option('--role <role>', 'user, reviewer, admin or superadmin', 'user')
      .option('--expires <time>', 'ISO time'),
    async ({ agent, output }, options, name) => {
      const body = {
        name: name ?? '',
        role: options.role,
        ...(options.expires === undefined ? {} : { expires_at: new Date(options.expires).toISOString() }),
      };
      const answer = await (await agent()).call(ENDPOINTS.createKey, { body });
      output.result(
        answer,
        `${answer.token}\n  Copy it now. It is stored as a hash and cannot be shown again.`,
      );
    },
  );
  action(
    keys.command('revoke').description('revoke a key').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const { key } = await (await agent()).call(ENDPOINTS.revokeKey, { params: { id: id ?? '' } });
      output.result({ key }, `${key.name} is revoked.`);
    },
  );

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
