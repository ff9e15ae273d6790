import type { Command } from 'commander';
import {
  AppError,
  BULK_ACTIONS,
  ENDPOINTS,
  VISIBILITY_SCOPES,
  type BulkAction,
  type VisibilityScope,
} from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action, type CommandContext } from '../command-context.ts';
import { EXIT, formatTable } from '../output.ts';

interface BulkInput {
  readonly action: BulkAction;
  readonly ids: readonly string[];
  readonly note?: string;
  readonly tags?: string[];
  readonly visibility_scope?: VisibilityScope;
  readonly keep_files?: boolean;
}

const IDS_PER_CALL = 200;

/** One action on many models; a line for each, and exit code 1 when any was refused. */
export async function runBulk({ agent, output }: CommandContext, input: BulkInput): Promise<void> {
  const { call } = await agent();
  const results: { id: string; ok: boolean; error: { message: string; hint?: string | undefined } | null }[] =
    [];
  for (let from = 0; from < input.ids.length; from += IDS_PER_CALL) {
    const body = { ...input, ids: input.ids.slice(from, from + IDS_PER_CALL) };
    results.push(...(await call(ENDPOINTS.bulkModels, { body })).results);
  }
  const refused = results.filter((result) => !result.ok).length;
  output.result(
    { results, succeeded: results.length - refused, refused },
    formatTable(
      ['id', 'result'],
      results.map(({ id, error }) => [
        id,
        error === null ? 'done' : `${error.message} ${error.hint ?? ''}`.trim(),
      ]),
    ),
  );
  if (refused > 0) process.exitCode = EXIT.refused;
}

interface EditOptions {
  readonly description?: string;
  readonly tag?: string[];
  readonly untag?: string[];
  readonly annotate?: string[];
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

export function editCommands(models: Command): void {
  action<EditOptions>(
    models
      .command('edit')
      .description('change what a model says about itself')
      .argument('<id>')
      .option('--description <text>', 'what it is')
      .option('--tag <tag>', 'give it a tag (repeatable)', collect)
      .option('--untag <tag>', 'take a tag away (repeatable)', collect)
      .option('--annotate <key=value>', 'set an annotation; an empty value removes it (repeatable)', collect),
    async ({ agent, output }, options, id) => {
      const { call } = await agent();
      const params = { id: id ?? '' };
      const { model: before } = await call(ENDPOINTS.getModel, { params });
      const { tag = [], untag = [], annotate } = options;
      const tags = [...new Set([...before.tags, ...tag])].filter((one) => !untag.includes(one));
      const body = {
        ...(options.description === undefined ? {} : { description: options.description }),
        ...(tag.length + untag.length === 0 ? {} : { tags }),
        ...(annotate === undefined ? {} : { annotations: annotated(before.annotations, annotate) }),
      };
      if (Object.keys(body).length === 0)
        throw new AppError('invalid_argument', 'Say what to change.', {
          hint: 'Use --description, --tag, --untag or --annotate.',
        });
      const { model } = await call(ENDPOINTS.patchModel, { params, body }, { ifMatch: before.rev });
      output.result({ model }, `${model.id} is changed (rev ${model.rev}).`);
    },
  );
  visibilityCommand(models);
  action<{ tag?: string[]; scope?: VisibilityScope; note?: string; keepFiles?: boolean }>(
    models
      .command('bulk')
      .description('one action on many models; each succeeds or is refused for itself')
      .argument('<action>', BULK_ACTIONS.join(', '))
      .argument('<id...>')
      .option('--tag <tag>', 'for tag and untag (repeatable)', collect)
      .option('--scope <scope>', 'for set_visibility: private or platform')
      .option('--note <text>', 'for deactivate: why')
      .option('--keep-files', 'for delete: leave the files'),
    async (context, options, verb, ...ids) =>
      runBulk(context, {
        action: oneOf('action', BULK_ACTIONS, verb ?? ''),
        ids,
        ...(options.tag === undefined ? {} : { tags: options.tag }),
        ...(options.scope === undefined ? {} : { visibility_scope: options.scope }),
        ...(options.note === undefined ? {} : { note: options.note }),
        ...(options.keepFiles === true ? { keep_files: true } : {}),
      }),
  );
}

function visibilityCommand(models: Command): void {
  action<{ user?: string[]; group?: string[] }>(
    models
      .command('visibility')
      .description('say who sees a model')
      .argument('<id>')
      .argument('<scope>', VISIBILITY_SCOPES.join(', '))
      .option('--user <person>', 'for the scope user: by id or name (repeatable)', collect)
      .option('--group <group>', 'for the scope group: by id or name (repeatable)', collect),
    async ({ agent, output }, options, id, scope) => {
      const connection = await agent();
      const body = {
        visibility_scope: oneOf('scope', VISIBILITY_SCOPES, scope ?? ''),
        ...(options.user === undefined ? {} : { users: await principalIds(connection, options.user) }),
        ...(options.group === undefined ? {} : { groups: await groupIds(connection, options.group) }),
      };
      const params = { id: id ?? '' };
      const { model: before } = await connection.call(ENDPOINTS.getModel, { params });
      const { model } = await connection.call(
        ENDPOINTS.putVisibility,
        { params, body },
        { ifMatch: before.rev },
      );
      output.result({ model }, `${model.id} is seen by ${model.visibility_scope}.`);
    },
  );
}

/** A value that a command takes. @throws {AppError} `invalid_argument` with the ones there are. */
function oneOf<T extends string>(what: string, values: readonly T[], value: string): T {
  const found = values.find((one) => one === value);
  if (found !== undefined) return found;
  throw new AppError('invalid_argument', `There is no ${what} ${value}.`, {
    hint: `Use ${values.join(', ')}.`,
  });
}

function annotated(
  before: Readonly<Record<string, string>>,
  changes: readonly string[],
): Record<string, string> {
  const after = new Map(Object.entries(before));
  for (const change of changes) {
    const [, key = '', value = ''] = /^([^=]+)=(.*)$/s.exec(change) ?? [];
    if (key === '')
      throw new AppError('invalid_argument', `${change} is not key=value.`, {
        hint: 'Like --annotate team=search',
      });
    if (value === '') after.delete(key);
    else after.set(key, value);
  }
  return Object.fromEntries(after);
}

/** What was named may be an id or a name; the agent says no to an id it does not know. */
async function principalIds({ call }: Connection, named: readonly string[]): Promise<string[]> {
  return Promise.all(
    named.map(async (one) => {
      const { principals } = await call(ENDPOINTS.listPrincipals, { query: { q: one, limit: 200 } });
      return principals.find((principal) => principal.name === one)?.id ?? one;
    }),
  );
}

async function groupIds({ call }: Connection, named: readonly string[]): Promise<string[]> {
  return Promise.all(
    named.map(async (one) => {
      const { groups } = await call(ENDPOINTS.listGroups, { query: { q: one, limit: 200 } });
      return groups.find((group) => group.name === one)?.id ?? one;
    }),
  );
}
