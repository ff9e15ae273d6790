import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, ENDPOINTS, IMPORT_MODEL, shortDigest, type Model } from '../../shared/contract/index.ts';
import { action, type CommandContext } from '../command-context.ts';
import { formatBytes, formatTime, formatTable } from '../output.ts';
import { followJob } from '../progress.ts';
import { benchmarksCommand } from './benchmarks.ts';
import { addCloudCommand } from './credentials.ts';
import { exportCommand } from './export.ts';
import { familyCommands } from './families.ts';
import { editCommands, runBulk } from './model-edits.ts';

interface ImportOptions {
  readonly name?: string;
  readonly id?: string;
  readonly label?: string;
  readonly task?: 'llm' | 'embeddings' | 'rerank';
  readonly description?: string;
  readonly register?: boolean;
  readonly link?: boolean;
  readonly wait: boolean;
}

export function importCommand(program: Command): void {
  action<ImportOptions>(
    program
      .command('import')
      .description('bring a model from a file or directory of this machine into the store')
      .argument('<path>', 'a GGUF file, or a directory with config.json and safetensors')
      .option('--name <name>', 'name of the model (default: from the path)')
      .option('--id <id>', 'id of the managed model (default: <name>-v<n>)')
      .option('--label <semver>', 'label of the version, like 1.2.0')
      .option('--task <task>', 'llm, embeddings or rerank (default: from the file)')
      .option('--description <text>', 'what it is')
      .option('--register', 'register it as well')
      .option('--link', 'hard-link the files instead of copying them')
      .option('--no-wait', 'do not wait for the end'),
    async ({ agent, output }, options, path) => {
      const connection = await agent();
      const { task, wait, name, id, label, description } = options;
      const body = {
        path: resolve(path ?? ''),
        register: options.register === true,
        link: options.link === true,
        ...(name === undefined ? {} : { name }),
        ...(id === undefined ? {} : { id }),
        ...(label === undefined ? {} : { label }),
        ...(description === undefined ? {} : { description }),
        ...(task === undefined ? {} : { task_key: task }),
      };
      const { job } = await connection.call(IMPORT_MODEL, { body });
      if (!wait) {
        output.result({ job }, `Job ${job.id} runs; see it with: modelops jobs show ${job.id}`);
        return;
      }
      const done = await followJob(connection, job, output);
      const result = done.result as { model_id: string; global_model_id: string; already_present?: boolean };
      const note =
        result.already_present === true ? 'is here already, with the same bytes' : 'is in the store';
      output.result({ job: done, ...result }, `${result.model_id} ${note}.\n  ${result.global_model_id}`);
    },
  );
}

export function modelCommands(program: Command): void {
  const models = program.command('models').description('managed models');

  listCommand(models);

  action<{ for?: string }>(
    models
      .command('show')
      .description('one model, and what is missing until it answers')
      .argument('<id>')
      .option('--for <person>', 'what is missing for this person or service, by id or name'),
    async ({ agent, output }, options, id) => {
      const query = options.for === undefined ? {} : { query: { for: options.for } };
      const { model } = await (
        await agent()
      ).call(ENDPOINTS.getModel, { params: { id: id ?? '' }, ...query });
      output.result({ model }, describeModel(model));
    },
  );

  addCloudCommand(models);
  lifecycleCommands(models);

  action<{ prompt?: string; slot?: string }>(
    models
      .command('test')
      .description('run a test on the slot that serves it, or at its provider')
      .argument('<id>')
      .option('--prompt <text>', 'what to ask', 'Who are you?')
      .option('--slot <id>', 'the slot'),
    async ({ agent, output }, options, id) => {
      const { call } = await agent();
      const { model } = await call(ENDPOINTS.getModel, { params: { id: id ?? '' } });
      const text = options.prompt ?? '';
      const inputs = testInputs(model.task_key, text);
      const { test_run: run } = await call(ENDPOINTS.testModel, {
        params: { id: model.id },
        body: { inputs, ...(options.slot === undefined ? {} : { slot_id: options.slot }) },
      });
      output.result(
        { test_run: run },
        `${run.result}${run.slot_id === null ? '' : ` on ${run.slot_id}`} in ${run.latency_ms} ms: ${run.summary}\n  modelops models validate ${model.id} --test-run ${run.id}`,
      );
    },
  );

  action<{ testRun?: string }>(
    models
      .command('validate')
      .description('take a test run as the validation')
      .argument('<id>')
      .option('--test-run <id>', 'the test run (default: the newest success)'),
    async ({ agent, output }, options, id) => {
      const { call } = await agent();
      const params = { id: id ?? '' };
      const testRunId =
        options.testRun ??
        (await call(ENDPOINTS.listTestRuns, { params, query: { limit: 50 } })).tests.find(
          (run) => run.result === 'success',
        )?.id;
      const { model, validation } = await call(ENDPOINTS.validateModel, {
        params,
        body: testRunId === undefined ? {} : { test_run_id: testRunId },
      });
      output.result({ model, validation }, `${model.id} is ${model.lifecycle_state}. ${validation.summary}`);
    },
  );

  editCommands(models);
  benchmarksCommand(models);
  familyCommands(models);
  exportCommand(models);
}

interface ListOptions {
  readonly q?: string;
  readonly state?: string;
  readonly task?: string;
  readonly tag?: string;
  readonly hosting?: string;
  readonly provider?: string;
  readonly visibility?: string;
  readonly stage?: string;
  readonly attention?: boolean;
  readonly eligible?: boolean;
  readonly sort?: string;
  readonly limit: string;
  readonly cursor?: string;
  readonly all?: boolean;
}

function listCommand(models: Command): void {
  action<ListOptions>(
    models
      .command('list', { isDefault: true })
      .description('models of this node')
      .option('--q, --query <text>', 'beginnings of words, or of a digest')
      .option('--state <states>', 'only these lifecycle states, comma-separated')
      .option('--task <tasks>', 'only these tasks, comma-separated')
      .option('--tag <tags>', 'only those with all these tags, comma-separated')
      .option('--hosting <where>', 'local or cloud')
      .option('--provider <name>', 'only of this provider or engine')
      .option('--visibility <scopes>', 'private, user, group, platform, comma-separated')
      .option('--stage <stages>', 'only these stages, comma-separated')
      .option('--attention', 'only those that need a look')
      .option('--eligible', 'only those that may be invoked once loaded')
      .option('--sort <order>', 'name, created or updated')
      .option('--limit <n>', 'at most this many', '200')
      .option('--cursor <cursor>', 'go on where the last list ended')
      .option('--all', 'all of them, page by page'),
    async ({ agent, output }, options) => {
      const { call } = await agent();
      const most = options.all === true ? Number.POSITIVE_INFINITY : wholeNumber(options.limit);
      const rows: Model[] = [];
      let cursor = options.cursor ?? null;
      let counts = {};
      do {
        const page = await call(ENDPOINTS.listModels, {
          query: {
            ...filterOf(options),
            limit: Math.min(200, most - rows.length),
            ...(cursor === null ? {} : { cursor }),
          },
        });
        rows.push(...page.models);
        ({ next_cursor: cursor, counts } = page);
      } while (cursor !== null && rows.length < most);
      const more = cursor === null ? '' : `\nMore: --cursor ${cursor}, or --all`;
      output.result(
        { models: rows, next_cursor: cursor, counts },
        rows.length === 0
          ? 'No models. Import one with: modelops import PATH'
          : `${formatTable(LIST_HEAD, rows.map(listRow))}${more}`,
      );
    },
  );
}

function filterOf(options: ListOptions): Record<string, unknown> {
  const given: Record<string, unknown> = {
    q: options.q,
    lifecycle_state: options.state,
    task_key: options.task,
    tag: options.tag,
    hosting: options.hosting,
    provider: options.provider,
    visibility_scope: options.visibility,
    stage: options.stage,
    attention: options.attention === true ? '1' : undefined,
    eligible: options.eligible === true ? '1' : undefined,
    sort: options.sort,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

const LIST_HEAD = ['id', 'state', 'validation', 'task', 'format', 'size', 'loaded in', 'content'];

function listRow(model: Model): string[] {
  return [
    model.id,
    model.lifecycle_state,
    model.is_validation_current ? 'current' : model.validation_error === null ? 'never' : 'stale',
    model.task_key,
    model.hosting === 'cloud' ? model.provider : [model.format, model.quantization].filter(Boolean).join(' '),
    model.artifact === null ? '—' : formatBytes(model.artifact.size_bytes),
    model.loaded_in.join(', ') || '—',
    shortDigest(model.global_model_id),
  ];
}

const LIFECYCLE = {
  activate: ENDPOINTS.activateModel,
  unregister: ENDPOINTS.unregisterModel,
} as const;

interface RegisterOptions {
  readonly name?: string;
  readonly framework?: string;
  readonly version?: string;
  readonly path?: string;
  readonly source?: string;
  readonly description?: string;
}

function lifecycleCommands(models: Command): void {
  const say = ({ output }: CommandContext, model: Model): void =>
    output.result({ model }, `${model.id} is ${model.lifecycle_state}.`);
  action<RegisterOptions>(
    models
      .command('register')
      .description('take models under management: by id, or a new one from a path')
      .argument('[id...]')
      .option('--name <name>', 'name of a new model')
      .option('--framework <framework>', 'what has to run it: llama.cpp or transformers')
      .option('--version <semver>', 'label of its version, like 1.2.0')
      .option('--path <path>', 'its file or directory on this machine')
      .option('--source <path>', 'the same as --path')
      .option('--description <text>', 'what it is'),
    async (context, options, ...ids) => {
      const path = options.path ?? options.source;
      if (path !== undefined) return registerPath(context, path, options);
      const [id, ...more] = ids;
      if (id === undefined)
        throw new AppError('invalid_argument', 'Say which model to register, or the path of a new one.', {
          hint: 'modelops models register ID, or modelops models register --path PATH --name NAME',
        });
      if (more.length > 0) return runBulk(context, { action: 'register', ids });
      const { model } = await (await context.agent()).call(ENDPOINTS.registerModel, { params: { id } });
      say(context, model);
    },
  );
  for (const [verb, endpoint] of Object.entries(LIFECYCLE)) {
    action(
      models.command(verb).description(`${verb} models`).argument('<id...>'),
      async (context, _options, ...ids) => {
        if (ids.length > 1) return runBulk(context, { action: verb as keyof typeof LIFECYCLE, ids });
        const { model } = await (await context.agent()).call(endpoint, { params: { id: ids[0] ?? '' } });
        say(context, model);
      },
    );
  }
  action<{ note?: string }>(
    models
      .command('deactivate')
      .description('refuse calls to models from now on')
      .argument('<id...>')
      .option('--note <text>', 'why'),
    async (context, options, ...ids) => {
      const body = options.note === undefined ? {} : { note: options.note };
      if (ids.length > 1) return runBulk(context, { action: 'deactivate', ids, ...body });
      const { model } = await (
        await context.agent()
      ).call(ENDPOINTS.deactivateModel, { params: { id: ids[0] ?? '' }, body });
      say(context, model);
    },
  );
  action<{ keepFiles?: boolean }>(
    models
      .command('delete')
      .description('delete unregistered models and the files nothing else needs')
      .argument('<id...>')
      .option('--keep-files', 'leave the files'),
    async (context, options, ...ids) => {
      const keep = options.keepFiles === true;
      if (ids.length > 1) return runBulk(context, { action: 'delete', ids, keep_files: keep });
      const query = keep ? { query: { keep_files: '1' as never } } : {};
      const answer = await (
        await context.agent()
      ).call(ENDPOINTS.deleteModel, { params: { id: ids[0] ?? '' }, ...query });
      context.output.result(
        answer,
        `${answer.model_id} is deleted, ${formatBytes(answer.freed_bytes)} freed.`,
      );
    },
  );
}

/** What reads each format of files. */
const FRAMEWORKS: Readonly<Record<string, string>> = { gguf: 'llama.cpp', safetensors: 'transformers' };

async function registerPath(
  { agent, output }: CommandContext,
  path: string,
  options: RegisterOptions,
): Promise<void> {
  if (/^[a-z]+:\/\//.test(path))
    throw new AppError('invalid_argument', `${path} is not a path of this machine.`, {
      hint: 'Give a GGUF file, or a directory with config.json and safetensors files.',
    });
  const connection = await agent();
  const absolute = resolve(path);
  if (options.framework !== undefined) {
    // Asked before a byte is copied: another framework would need other files.
    const { format } = await connection.call(ENDPOINTS.inspectPath, { body: { path: absolute } });
    const framework = FRAMEWORKS[format];
    if (framework !== options.framework)
      throw new AppError(
        'invalid_argument',
        `${path} holds ${format} files for ${framework ?? format}, not ${options.framework}.`,
        {
          hint: 'Leave --framework out; it follows from the files.',
        },
      );
  }
  const { job } = await connection.call(IMPORT_MODEL, {
    body: {
      path: absolute,
      register: true,
      ...(options.name === undefined ? {} : { name: options.name }),
      ...(options.version === undefined ? {} : { label: options.version }),
      ...(options.description === undefined ? {} : { description: options.description }),
    },
  });
  const done = await followJob(connection, job, output);
  const { model } = await connection.call(ENDPOINTS.getModel, {
    params: { id: (done.result as { model_id: string }).model_id },
  });
  output.result({ job: done, model }, `${model.id} is ${model.lifecycle_state}.\n  ${model.global_model_id}`);
}

function testInputs(task: Model['task_key'], text: string) {
  if (task === 'llm') return { prompt: text };
  return task === 'rerank' ? { query: text, documents: [text, 'Something else.'] } : { text };
}

function describeModel(model: Model): string {
  const facts: [string, string][] = [
    ['state', model.lifecycle_state],
    ['content', model.global_model_id],
    ['task', model.task_key],
    ...(model.hosting === 'cloud' ? cloudFacts(model) : localFacts(model)),
    ['aliases', model.aliases.join(', ') || '—'],
    ['tags', model.tags.join(', ') || '—'],
    ['seen by', seenBy(model)],
  ];
  const ladder = (model.requirements ?? []).map((step) => {
    const blocked = step.blocked_by.length === 0 ? '' : ` (after ${step.blocked_by.join(', ')})`;
    return `  ${step.met ? '✓' : '·'} ${step.code.padEnd(15)} ${step.fact}${step.met ? '' : blocked}${
      step.hint === null ? '' : `\n      ${step.hint}`
    }`;
  });
  return [
    `${model.id}  (${model.name} v${model.seq})`,
    ...facts.map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
    'Until it answers:',
    ...ladder,
  ].join('\n');
}

function localFacts(model: Model): [string, string][] {
  return [
    ['format', [model.format, model.quantization, model.architecture].filter(Boolean).join(', ')],
    ['size', formatBytes(model.artifact?.size_bytes ?? 0)],
    ['artifact', model.artifact?.artifact_status ?? '—'],
    ['context', model.trained_context_length === null ? '—' : `${model.trained_context_length} trained`],
    ['loaded in', model.loaded_in.join(', ') || '—'],
  ];
}

function cloudFacts({
  provider,
  provider_model_id,
  credential,
  validation_expires_at,
}: Model): [string, string][] {
  return [
    ['provider', `${provider}, there called ${provider_model_id}`],
    ['credential', [credential.display_name, credential.status].filter(Boolean).join(', ')],
    ['proved until', formatTime(validation_expires_at)],
  ];
}

function seenBy({ visibility_scope: scope, owner_name: owner, assignments }: Model): string {
  const names = [...(assignments?.users ?? []), ...(assignments?.groups ?? [])].map((one) => one.name);
  const whom = { private: 'its owner', user: 'named people', group: 'groups', platform: 'everyone' }[scope];
  return `${whom}${names.length === 0 ? '' : ` (${names.join(', ')})`}${owner === null ? '' : `, owned by ${owner}`}`;
}

/** @throws {AppError} for a number that is none. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new AppError('invalid_argument', `${text} is not a whole number.`);
}
