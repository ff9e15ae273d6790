import { Option, type Command } from 'commander';
import {
  ADD_CLOUD_MODEL,
  AppError,
  ENDPOINTS,
  PROVIDERS,
  type Credential,
  type Probe,
  type ProviderSlug,
  type TaskKey,
} from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatTable, formatTime } from '../output.ts';
import { readSecret } from '../secret-input.ts';

const KEY_FILE = 'file with the key (default: what is piped in or typed)';

const providerOption = (): Option => new Option('--provider <provider>', 'who runs it').choices(PROVIDERS);
const collect = (value: string, before: string[] = []): string[] => [...before, value];

interface Edit {
  readonly name?: string;
  readonly url?: string;
  readonly key?: boolean;
  readonly keyFile?: string;
  readonly allowRange?: string[];
}

/** Credentials of providers, and what a provider offers. A key is read from a file or standard input, never an argument. */
export function credentialCommands(program: Command): void {
  const credentials = program.command('credentials').description('credentials of providers');
  readingCommands(credentials);
  writingCommands(credentials);
  const discover = program.command('discover').description('what can be had');
  action<{ query?: string }>(
    discover
      .command('cloud')
      .description('models that a provider offers through a credential')
      .argument('<credential>', 'name or id')
      .option('--query <text>', 'only those whose name contains this'),
    async ({ agent, output }, options, ref) => {
      const connection = await agent();
      const query = {
        credential_id: await credentialId(connection, ref ?? ''),
        ...(options.query === undefined ? {} : { q: options.query }),
      };
      const answer = await connection.call(ENDPOINTS.discoverCloud, { query });
      const rows = answer.models.map((model) => [
        model.provider_model_id,
        model.task_key,
        model.owned_by ?? '—',
        formatTime(model.created_at),
        model.model_ids.join(', ') || '—',
      ]);
      output.result(
        answer,
        rows.length === 0
          ? 'The provider offers no such model.'
          : formatTable(['model', 'task', 'owned by', 'created', 'managed as'], rows),
      );
    },
  );
}

/** `modelops models add-cloud`. */
export function addCloudCommand(models: Command): void {
  action<{
    provider: ProviderSlug;
    model: string;
    credential: string;
    task: TaskKey;
    id?: string;
    owner?: 'user' | 'platform';
    description?: string;
  }>(
    models
      .command('add-cloud')
      .description('take a model of a provider under management')
      .argument('<name>', 'its name on this node')
      .addOption(providerOption().makeOptionMandatory())
      .requiredOption('--model <name>', 'its name at the provider')
      .requiredOption('--credential <credential>', 'the credential it is called with, by name or id')
      .addOption(
        new Option('--task <task>', 'what it does').choices(['llm', 'embeddings', 'rerank']).default('llm'),
      )
      .option('--id <id>', 'id of the managed model (default: <name>-v<n>)')
      .addOption(
        new Option('--owner <owner>', 'whose it is (default: as the credential)').choices([
          'user',
          'platform',
        ]),
      )
      .option('--description <text>', 'what it is'),
    async ({ agent, output }, options, name) => {
      const connection = await agent();
      const answer = await connection.call(ADD_CLOUD_MODEL, {
        body: {
          backend: 'external_api',
          name: name ?? '',
          provider: options.provider,
          provider_model_id: options.model,
          credential_id: await credentialId(connection, options.credential),
          task_key: options.task,
          ...(options.id === undefined ? {} : { id: options.id }),
          ...(options.owner === undefined ? {} : { owner_type: options.owner }),
          ...(options.description === undefined ? {} : { description: options.description }),
        },
      });
      const { model } = answer;
      const note = answer.already_present === true ? 'is here already' : 'is registered';
      output.result(
        answer,
        `${model.id} ${note}.\n  ${model.global_model_id}\n  modelops models test ${model.id}`,
      );
    },
  );
}

function readingCommands(credentials: Command): void {
  action<{ provider?: ProviderSlug; revoked?: boolean }>(
    credentials
      .command('list', { isDefault: true })
      .description('credentials, newest first')
      .addOption(providerOption())
      .option('--revoked', 'the revoked as well'),
    async ({ agent, output }, options) => {
      const connection = await agent();
      const found = await everyCredential(connection, {
        ...(options.provider === undefined ? {} : { provider: options.provider }),
        ...(options.revoked === true ? { revoked: '1' } : {}),
      });
      const rows = found.map((one) => [
        one.id,
        one.provider,
        one.display_name,
        one.credential_scope === 'platform' ? 'platform' : one.owner_name,
        `…${one.api_key_last4}`,
        String(one.model_count),
        stateOf(one),
      ]);
      output.result(
        { credentials: found },
        rows.length === 0
          ? 'No credentials. Keep one with: modelops credentials add NAME --provider openai'
          : formatTable(['id', 'provider', 'name', 'owner', 'key', 'models', 'state'], rows),
      );
    },
  );
  action(
    credentials.command('show').description('one credential').argument('<credential>', 'name or id'),
    async ({ agent, output }, _options, ref) => {
      const connection = await agent();
      const id = await credentialId(connection, ref ?? '');
      const answer = await connection.call(ENDPOINTS.getCredential, { params: { id } });
      output.result(answer, describe(answer.credential));
    },
  );
  action(
    credentials
      .command('probe')
      .description('ask the provider whether it takes it')
      .argument('<credential>', 'name or id'),
    async ({ agent, output }, _options, ref) => {
      const connection = await agent();
      const id = await credentialId(connection, ref ?? '');
      const answer = await connection.call(ENDPOINTS.probeCredential, { params: { id } });
      output.result(answer, probeSentence(answer.probe));
      if (!answer.probe.ok) process.exitCode = 1;
    },
  );
}

function writingCommands(credentials: Command): void {
  action<{
    provider: ProviderSlug;
    url?: string;
    platform?: boolean;
    keyFile?: string;
    allowRange?: string[];
  }>(
    credentials
      .command('add')
      .description('keep a credential')
      .argument('<name>', 'how it is called')
      .addOption(providerOption().makeOptionMandatory())
      .option('--url <url>', 'base address with the version (default: known for openai and anthropic)')
      .option('--platform', 'for models of the platform; needs a superadmin')
      .option('--key-file <file>', KEY_FILE)
      .option('--allow-range <cidr>', 'private range it may reach; needs a superadmin', collect),
    async ({ agent, output }, options, name) => {
      const connection = await agent();
      const apiKey = await readSecret('key', options.keyFile);
      const answer = await connection.call(ENDPOINTS.createCredential, {
        body: {
          provider: options.provider,
          display_name: name ?? '',
          credential_scope: options.platform === true ? 'platform' : 'personal',
          api_key: apiKey,
          ...(options.url === undefined ? {} : { api_base_url: options.url }),
          ...(options.allowRange === undefined ? {} : { allowed_ranges: options.allowRange }),
        },
      });
      const { id, api_key_last4: last4 } = answer.credential;
      output.result(
        answer,
        `${id} is kept (key …${last4}).\n  modelops credentials probe ${id}\n  modelops discover cloud ${id}`,
      );
    },
  );
  action<Edit>(
    credentials
      .command('edit')
      .description('change a credential; a new key or address ends what was validated with the old one')
      .argument('<credential>', 'name or id')
      .option('--name <name>', 'how it is called')
      .option('--url <url>', 'base address')
      .option('--key', 'a new key, piped in or typed')
      .option('--key-file <file>', 'a new key from a file')
      .option('--allow-range <cidr>', 'private range it may reach, instead of those before', collect),
    async ({ agent, output }, options, ref) => {
      const connection = await agent();
      const answer = await edit(connection, await credentialId(connection, ref ?? ''), options);
      output.result(answer, describe(answer.credential));
    },
  );
  action<{ preview?: boolean }>(
    credentials
      .command('revoke')
      .description('end a credential: its key is erased, and the models that use it become inactive')
      .argument('<credential>', 'name or id')
      .option('--preview', 'only say what it would do'),
    async ({ agent, output }, { preview }, ref) => {
      const connection = await agent();
      const { call } = connection;
      const params = { id: await credentialId(connection, ref ?? '') };
      if (preview === true) {
        const answer = await call(ENDPOINTS.previewCredentialEffects, {
          params,
          body: { action: 'revoke' },
        });
        output.result(answer, answer.effects.map((effect) => effect.sentence).join('\n'));
        return;
      }
      const answer = await call(ENDPOINTS.revokeCredential, { params });
      const models = answer.affected_models.map((model) => `\n  ${model}`).join('');
      output.result(
        answer,
        `${answer.credential.display_name} is revoked; ${answer.affected_model_count} ${answer.affected_model_count === 1 ? 'model' : 'models'} used it.${models}`,
      );
    },
  );
}

async function everyCredential({ call }: Connection, filter: Record<string, unknown>): Promise<Credential[]> {
  const found: Credential[] = [];
  let cursor: string | null = null;
  do {
    const query: Record<string, unknown> = { limit: 200, ...(cursor === null ? {} : { cursor }), ...filter };
    const page = await call(ENDPOINTS.listCredentials, { query });
    found.push(...page.credentials);
    cursor = page.next_cursor;
  } while (cursor !== null);
  return found;
}

/**
 * The id of a credential that is named, or given by its id. A name may stand for several: of other owners or providers.
 * @throws {AppError} `invalid_argument` with their ids.
 */
async function credentialId(connection: Connection, ref: string): Promise<string> {
  const named = (await everyCredential(connection, {})).filter((one) => one.display_name === ref);
  if (named.length <= 1) return named[0]?.id ?? ref;
  throw new AppError('invalid_argument', `${named.length} credentials have the name ${ref}.`, {
    hint: `Use one of the ids: ${named.map((one) => `${one.id} (${one.provider}, ${one.owner_name})`).join(', ')}.`,
    details: { ids: named.map((one) => one.id) },
  });
}

async function edit({ call }: Connection, id: string, options: Edit) {
  const apiKey =
    options.key === true || options.keyFile !== undefined
      ? await readSecret('key', options.keyFile)
      : undefined;
  const { credential } = await call(ENDPOINTS.getCredential, { params: { id } });
  return call(
    ENDPOINTS.patchCredential,
    {
      params: { id },
      body: {
        ...(options.name === undefined ? {} : { display_name: options.name }),
        ...(options.url === undefined ? {} : { api_base_url: options.url }),
        ...(options.allowRange === undefined ? {} : { allowed_ranges: options.allowRange }),
        ...(apiKey === undefined ? {} : { api_key: apiKey }),
      },
    },
    { ifMatch: credential.rev },
  );
}

function stateOf({ revoked_at, last_probe }: Credential): string {
  if (revoked_at !== null) return 'revoked';
  if (last_probe === null) return 'not asked yet';
  return last_probe.ok ? 'taken' : 'refused';
}

function probeSentence({ message, latency_ms }: Probe): string {
  return latency_ms === null ? message : `${message} (${latency_ms} ms)`;
}

function describe(one: Credential): string {
  const facts: [string, string][] = [
    ['provider', one.provider],
    ['address', one.api_base_url],
    ['key', `…${one.api_key_last4}, version ${one.version}`],
    ['owner', one.credential_scope === 'platform' ? `platform (kept by ${one.owner_name})` : one.owner_name],
    ['ranges', one.allowed_ranges.join(', ') || 'public addresses only'],
    ['models', String(one.model_count)],
    ['state', stateOf(one)],
    ...(one.last_probe === null
      ? []
      : ([['probed', `${formatTime(one.last_probe.at)}: ${probeSentence(one.last_probe)}`]] as [
          string,
          string,
        ][])),
  ];
  return [
    `${one.display_name}  (${one.id})`,
    ...facts.map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
  ].join('\n');
}
