import type { Command } from 'commander';
import { ENDPOINTS, shortDigest, type Family } from '../../shared/contract/index.ts';
import { action } from '../command-context.ts';
import { formatBytes, formatTable, formatTime } from '../output.ts';

/** Families: a name with its versions and aliases. */
export function familyCommands(models: Command): void {
  action<{ query?: string }>(
    models
      .command('families')
      .description('model families by name')
      .option('--query <text>', 'beginnings of words'),
    async ({ agent, output }, options) => {
      const { call } = await agent();
      const families: Family[] = [];
      let cursor: string | null = null;
      do {
        const page: { models: Family[]; next_cursor: string | null } = await call(ENDPOINTS.listFamilies, {
          query: {
            limit: 200,
            ...(cursor === null ? {} : { cursor }),
            ...(options.query === undefined ? {} : { q: options.query }),
          },
        });
        families.push(...page.models);
        cursor = page.next_cursor;
      } while (cursor !== null);
      const rows = families.map((family) => [
        family.name,
        String(family.version_count),
        family.task_key,
        aliasWords(family),
        family.description,
      ]);
      output.result(
        { models: families },
        rows.length === 0
          ? 'No model families.'
          : formatTable(['name', 'versions', 'task', 'aliases', 'description'], rows),
      );
    },
  );
  action(
    models.command('versions').description('versions of a model family').argument('<name>'),
    async ({ agent, output }, _options, name) => {
      const page = await (
        await agent()
      ).call(ENDPOINTS.listVersions, { params: { name: name ?? '' }, query: { limit: 200 } });
      const rows = page.versions.map((version) => [
        `v${version.seq}`,
        version.label ?? '—',
        version.aliases.join(', ') || '—',
        formatBytes(version.size_bytes),
        shortDigest(version.global_model_id),
        version.model_ids.join(', '),
        formatTime(version.published_at),
      ]);
      output.result(
        page,
        formatTable(['version', 'label', 'aliases', 'size', 'content', 'models', 'published'], rows),
      );
    },
  );
  aliasCommands(models);
  action<{ keepFiles?: boolean }>(
    models
      .command('delete-family')
      .description('delete a family with all its models, when every one of them is unregistered')
      .argument('<name>')
      .option('--keep-files', 'leave the files'),
    async ({ agent, output }, options, name) => {
      const query = options.keepFiles === true ? { query: { keep_files: '1' as never } } : {};
      const answer = await (
        await agent()
      ).call(ENDPOINTS.deleteFamily, { params: { name: name ?? '' }, ...query });
      output.result(
        answer,
        `${answer.name} is deleted with ${answer.model_ids.length} models, ${formatBytes(answer.freed_bytes)} freed.`,
      );
    },
  );
}

function aliasCommands(models: Command): void {
  const aliases = models.command('alias').description('movable names for versions of a family');
  action(
    aliases
      .command('set')
      .description('point an alias at a version')
      .argument('<name>')
      .argument('<alias>')
      .argument('<version>', 'its number, like 3, or its label, like 1.2.0'),
    async ({ agent, output }, _options, name, alias, version) => {
      const answer = await (
        await agent()
      ).call(ENDPOINTS.putAlias, {
        params: { name: name ?? '', alias: alias ?? '' },
        body: { version: version ?? '' },
      });
      output.result(answer, `${answer.model.name}@${answer.alias.alias} is v${answer.alias.seq}.`);
    },
  );
  action(
    aliases.command('rm').description('remove an alias').argument('<name>').argument('<alias>'),
    async ({ agent, output }, _options, name, alias) => {
      const answer = await (
        await agent()
      ).call(ENDPOINTS.deleteAlias, { params: { name: name ?? '', alias: alias ?? '' } });
      output.result(answer, `${answer.model.name} has no alias ${alias ?? ''} any more.`);
    },
  );
}

function aliasWords({ aliases }: Family): string {
  return aliases.map(({ alias, seq }) => `${alias}=v${seq}`).join(', ') || '—';
}
