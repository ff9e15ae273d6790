import { resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, ENDPOINTS, IMPORT_MODEL, shortDigest, type Model } from '../../shared/contract/index.ts';
import { action, type CommandContext } from '../command-context.ts';
import { formatBytes, formatTable, formatTime } from '../output.ts';
import { followJob } from '../progress.ts';
import { addCloudCommand } from './credentials.ts';

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

  action<{ state?: string; query?: string; eligible?: boolean }>(
    models
      .command('list', { isDefault: true })
      .description('models of this node')
      .option('--state <states>', 'only these lifecycle states, comma-separated')
      .option('--query <text>', 'only those whose name, id, digest or description contains this')
      .option('--eligible', 'only those that may be invoked once loaded'),
    async ({ agent, output }, options) => {
      const { call } = await agent();
      const rows: Model[] = [];
      let cursor: string | null = null;
      do {
        const query: Record<string, unknown> = {
          limit: 200,
          ...(cursor === null ? {} : { cursor }),
          ...(options.state === undefined ? {} : { lifecycle_state: options.state }),
          ...(options.query === undefined ? {} : { q: options.query }),
          ...(options.eligible === true ? { eligible: '1' } : {}),
        };
        const page = await call(ENDPOINTS.listModels, { query: query });
        rows.push(...page.models);
        cursor = page.next_cursor;
      } while (cursor !== null);
      const table = formatTable(
        ['id', 'state', 'validation', 'task', 'format', 'size', 'loaded in', 'content'],
        rows.map((model) => [
          model.id,
          model.lifecycle_state,
          model.is_validation_current ? 'current' : model.validation_error === null ? 'never' : 'stale',
          model.task_key,
          [model.format, model.quantization].filter(Boolean).join(' '),
          formatBytes(model.artifact?.size_bytes ?? 0),
          model.loaded_in.join(', ') || '—',
          shortDigest(model.global_model_id),
        ]),
      );
      output.result(
        { models: rows },
        rows.length === 0 ? 'No models. Import one with: modelops import PATH' : table,
      );
    },
  );

  action(
    models.command('show').description('one model, and what is missing until it answers').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const { model } = await (await agent()).call(ENDPOINTS.getModel, { params: { id: id ?? '' } });
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

  action<{ keepFiles?: boolean }>(
    models
      .command('delete')
      .description('delete an unregistered model and the files nothing else needs')
      .argument('<id>')
      .option('--keep-files', 'leave the files'),
    async ({ agent, output }, options, id) => {
      const query = options.keepFiles === true ? { query: { keep_files: '1' as never } } : {};
      const answer = await (
        await agent()
      ).call(ENDPOINTS.deleteModel, { params: { id: id ?? '' }, ...query });
      output.result(answer, `${answer.model_id} is deleted, ${formatBytes(answer.freed_bytes)} freed.`);
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
        formatBytes(version.size_bytes),
        shortDigest(version.global_model_id),
        version.model_ids.join(', '),
        formatTime(version.published_at),
      ]);
      output.result(page, formatTable(['version', 'label', 'size', 'content', 'models', 'published'], rows));
    },
  );
}

const LIFECYCLE = {
  register: ENDPOINTS.registerModel,
  activate: ENDPOINTS.activateModel,
  unregister: ENDPOINTS.unregisterModel,
} as const;

function lifecycleCommands(models: Command): void {
  const say = ({ output }: CommandContext, model: Model): void =>
    output.result({ model }, `${model.id} is ${model.lifecycle_state}.`);
  for (const [verb, endpoint] of Object.entries(LIFECYCLE)) {
    action(
      models.command(verb).description(`${verb} a model`).argument('<id>'),
      async (context, _options, id) => {
        const { model } = await (await context.agent()).call(endpoint, { params: { id: id ?? '' } });
        say(context, model);
      },
    );
  }
  action<{ note?: string }>(
    models
      .command('deactivate')
      .description('refuse calls to a model from now on')
      .argument('<id>')
      .option('--note <text>', 'why'),
    async (context, options, id) => {
      const body = options.note === undefined ? {} : { note: options.note };
      const { model } = await (
        await context.agent()
      ).call(ENDPOINTS.deactivateModel, { params: { id: id ?? '' }, body });
      say(context, model);
    },
  );
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
  ];
  const ladder = (model.requirements ?? []).map((step) => {
    const blocked = step.blocked_by.length === 0 ? '' : ` (after ${step.blocked_by.join(', ')})`;
    return `  ${step.met ? '✓' : '·'} ${step.code.padEnd(15)} ${step.fact}${step.met ? '' : blocked}`;
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

/** @throws {AppError} for a number that is none. */
export function wholeNumber(text: string): number {
  const value = Number(text);
  if (Number.isInteger(value) && value > 0) return value;
  throw new AppError('invalid_argument', `${text} is not a whole number.`);
}
