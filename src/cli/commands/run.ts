import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { AppError, ENDPOINTS, IMPORT_MODEL, type Job } from '../../shared/contract/index.ts';
import { connectOrStart, type Connection } from '../agent-connection.ts';
import { chat } from '../chat.ts';
import { contextOf, type CommandContext } from '../command-context.ts';
import { formatDuration, type Output } from '../output.ts';
import { followJob } from '../progress.ts';
import { portNumber } from './serve.ts';
import { stopAgent } from './system.ts';

interface RunOptions {
  readonly runtime?: string;
  readonly image?: string;
  readonly slot?: string;
  readonly name?: string;
  readonly prompt: string;
  readonly threads?: string;
  readonly context?: string;
  readonly ephemeral?: boolean;
  readonly port?: number;
  readonly link?: boolean;
}

interface Step {
  readonly name: string;
  readonly detail: string;
  readonly duration_ms: number;
  readonly skipped?: boolean | undefined;
}

export function runCommand(program: Command): void {
  program
    .command('run')
    .description(
      'bring a model from a file to an answer: import, register, load, test, validate, activate, chat',
    )
    .argument('<source>', 'path of a GGUF file or a model directory, the id of a model, or "sample"')
    .option('--runtime <id>', 'runtime to load it with')
    .option('--image <reference>', 'container image of the runtime')
    .option('--slot <id>', 'slot to load it into')
    .option('--name <name>', 'name to import it under')
    .option('--prompt <text>', 'what to ask', 'Who are you?')
    .option('--threads <n>', 'threads of the runtime')
    .option('--context <tokens>', 'tokens one request may have')
    .option('--link', 'hard-link the file instead of copying it')
    .option('--ephemeral', 'use a temporary data directory and stop the agent afterwards')
    .option('--port <port>', 'port of an agent that has to be started', portNumber)
    .action(async (source: string, _options: unknown, command: Command) => {
      await run(source, command.optsWithGlobals<RunOptions>(), contextOf(command));
    });
}

async function run(source: string, options: RunOptions, context: CommandContext): Promise<void> {
  const dataDir = options.ephemeral === true ? await mkdtemp(join(tmpdir(), 'modelops-')) : context.dataDir;
  const port = options.port ?? (options.ephemeral === true ? 0 : undefined);
  const started = performance.now();
  const connection = await connectOrStart(dataDir, port === undefined ? {} : { port });
  try {
    await new Run(connection, options, context.output, Math.round(performance.now() - started)).run(source);
  } finally {
    if (options.ephemeral === true) {
      await stopAgent(connection, 'stop');
      await rm(dataDir, { recursive: true, force: true });
    }
  }
}

class Run {
  readonly #connection: Connection;
  readonly #options: RunOptions;
  readonly #output: Output;
  readonly #steps: Step[] = [];

  constructor(connection: Connection, options: RunOptions, output: Output, startMs: number) {
    this.#connection = connection;
    this.#options = options;
    this.#output = output;
    const { started, url } = connection;
    this.#step({
      name: 'agent',
      detail: started ? `started at ${url}` : `runs already at ${url}`,
      duration_ms: startMs,
      skipped: !started,
    });
  }

  async run(source: string): Promise<void> {
    const modelId = await this.#bring(source);
    const served = await this.#serve(modelId);
    const answer = await this.#ask(modelId);
    const curl = this.#curl(modelId);
    const { started, url, paths } = this.#connection;
    const stays =
      this.#options.ephemeral === true
        ? ''
        : `\n\nThe agent ${started ? 'was started and goes on' : 'goes on'} at ${url}. Stop it with: modelops stop`;
    this.#output.result(
      {
        model_id: modelId,
        slot_id: served,
        answer,
        steps: this.#steps,
        url,
        token_file: paths.adminToken,
        curl,
      },
      `\n${answer}\n\nAsk again:\n${curl}${stays}`,
    );
  }

  /** The id of the model, importing it when it is a path. */
  async #bring(source: string): Promise<string> {
    const { call } = this.#connection;
    const started = performance.now();
    if (source === 'sample') {
      const { job } = await call(ENDPOINTS.createSample, {});
      return this.#imported(await followJob(this.#connection, job, this.#output), started, 'made');
    }
    const path = resolve(source);
    if (!(await exists(path))) {
      if (!/^[a-z0-9][a-z0-9._-]{0,127}$/.test(source))
        throw new AppError('not_found', `There is nothing at ${path}.`);
      const { model } = await call(ENDPOINTS.getModel, { params: { id: source } });
      return model.id;
    }
    const { name, link } = this.#options;
    const { job } = await call(IMPORT_MODEL, {
      body: {
        path,
        register: true,
        ...(name === undefined ? {} : { name }),
        ...(link === true ? { link } : {}),
      },
    });
    return this.#imported(await followJob(this.#connection, job, this.#output), started, 'imported');
  }

  #imported(job: Job, started: number, verb: string): string {
    const result = job.result as { model_id: string; already_present?: boolean };
    const present = result.already_present === true;
    this.#step({
      name: 'import',
      detail: present ? `${result.model_id} is here already` : `${result.model_id} ${verb}`,
      duration_ms: Math.round(performance.now() - started),
      skipped: present,
    });
    return result.model_id;
  }

  async #serve(modelId: string): Promise<string> {
    const { runtime, image, slot, threads, context } = this.#options;
    const config = {
      ...(image === undefined ? {} : { image }),
      ...(threads === undefined ? {} : { threads: Number(threads) }),
      ...(context === undefined ? {} : { context_length: Number(context) }),
    };
    const body = {
      prompt: this.#options.prompt,
      ...(runtime === undefined ? {} : { runtime_spec: runtime }),
      ...(slot === undefined ? {} : { slot_id: slot }),
      ...(Object.keys(config).length === 0 ? {} : { config }),
    };
    const { job } = await this.#connection.call(ENDPOINTS.serveModel, { params: { id: modelId }, body });
    const done = await followJob(this.#connection, job, this.#output);
    const result = done.result as unknown as { slot_id: string; steps: Step[] };
    for (const step of result.steps) this.#step(step);
    return result.slot_id;
  }

  async #ask(modelId: string): Promise<string> {
    const { model } = await this.#connection.call(ENDPOINTS.getModel, { params: { id: modelId } });
    if (model.task_key !== 'llm')
      return `${modelId} is a model for ${model.task_key}; it answers on /v1/${model.task_key}.`;
    const answer = await chat(
      this.#connection,
      modelId,
      [{ role: 'user', content: this.#options.prompt }],
      () => undefined,
    );
    this.#step({
      name: 'chat',
      detail: `${answer.usage?.completion_tokens ?? '?'} tokens from ${answer.modelId}`,
      duration_ms: Math.round(answer.totalMs),
    });
    return answer.content;
  }

  #curl(modelId: string): string {
    const { url, paths } = this.#connection;
    const body = JSON.stringify({
      model: modelId,
      messages: [{ role: 'user', content: this.#options.prompt }],
    });
    return `curl -s ${url}/v1/chat/completions -H "Authorization: Bearer $(cat ${quote(paths.adminToken)})" -H 'Content-Type: application/json' -d ${quote(body)}`;
  }

  #step(step: Step): void {
    this.#steps.push(step);
    const mark = step.skipped === true ? '·' : '✓';
    this.#output.say(
      `${mark} ${step.name.padEnd(9)} ${formatDuration(step.duration_ms).padStart(8)}  ${step.detail}`,
    );
  }
}

function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
