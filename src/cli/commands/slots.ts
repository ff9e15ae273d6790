import type { Command } from 'commander';
import { ENDPOINTS, type Slot, type SlotConfig } from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { describeFit } from '../fit.ts';
import { readEvents } from '../events.ts';
import { formatDuration, formatTable } from '../output.ts';
import { readSlotConfig } from '../slot-config.ts';
import { AppError } from '../../shared/contract/index.ts';
import { benchCommand } from './benchmarks.ts';
import { wholeNumber } from './models.ts';
import { logsCommand, terminalCommand } from './slot-insight.ts';

interface SlotSettings {
  readonly name?: string;
  readonly runtime?: string;
  readonly capability?: 'llm_inference' | 'embeddings' | 'rerank';
  readonly image?: string;
  readonly context?: number;
  readonly parallel?: number;
  readonly threads?: number;
  readonly arg?: string[];
  readonly gpu?: string[];
  readonly config?: string;
}

function withSettings(command: Command): Command {
  return command
    .option('--name <text>', 'name to show')
    .option('--runtime <id>', 'runtime spec')
    .option('--image <reference>', 'container image')
    .option('--context <tokens>', 'tokens one request may have', wholeNumber)
    .option('--parallel <n>', 'requests at once', wholeNumber)
    .option('--threads <n>', 'threads', wholeNumber)
    .option('--arg <text...>', 'extra arguments of the engine')
    .option('--gpu <uuid...>', 'GPUs it runs on')
    .option('--config <json>', 'any settings; the options above win');
}

function configOf({ image, context, parallel, threads, arg, config }: SlotSettings): Slot['config'] {
  return {
    ...(config === undefined ? {} : readSlotConfig(config)),
    ...(image === undefined ? {} : { image }),
    ...(context === undefined ? {} : { context_length: context }),
    ...(parallel === undefined ? {} : { parallel }),
    ...(threads === undefined ? {} : { threads }),
    ...(arg === undefined ? {} : { extra_args: arg }),
  };
}

export function slotCommands(program: Command): void {
  const slots = program.command('slots').description('places on this machine that hold one model');

  action(
    slots.command('list', { isDefault: true }).description('slots of this node'),
    async ({ agent, output }) => {
      const page = await (await agent()).call(ENDPOINTS.listSlots, { query: { limit: 200 } });
      const rows = page.slots.map((slot) => [
        slot.id,
        slot.runtime_spec,
        slot.load_state,
        slot.loaded_managed_model_id ?? '—',
        slot.assigned_model_id ?? '—',
        slot.context_length?.toString() ?? '—',
        slot.load_error?.message ?? '',
      ]);
      output.result(
        page,
        rows.length === 0
          ? 'No slots. Make one with: modelops slots create'
          : formatTable(['id', 'runtime', 'state', 'serves', 'wants', 'context', 'problem'], rows),
      );
    },
  );

  action(
    slots.command('show').description('one slot').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const { slot } = await (await agent()).call(ENDPOINTS.getSlot, { params: { id: id ?? '' } });
      output.result({ slot }, describeSlot(slot));
    },
  );

  action<SlotSettings>(
    withSettings(
      slots
        .command('create')
        .description('make a slot')
        .argument('[id]')
        .option('--capability <capability>', 'llm_inference, embeddings or rerank', 'llm_inference'),
    ),
    async ({ agent, output }, options, id) => {
      const body = {
        ...(id === undefined ? {} : { id }),
        ...(options.name === undefined ? {} : { display_name: options.name }),
        capability: options.capability ?? 'llm_inference',
        runtime_spec: options.runtime ?? 'embedded-llama',
        ...(options.gpu === undefined ? {} : { gpu_ids: options.gpu }),
        config: configOf(options),
      };
      const { slot } = await (await agent()).call(ENDPOINTS.createSlot, { body });
      output.result(
        { slot },
        `Slot ${slot.id} is made. Load a model with: modelops slots load ${slot.id} MODEL`,
      );
    },
  );

  action<SlotSettings & { override?: boolean }>(
    withSettings(
      slots
        .command('edit')
        .description('change a slot; one that holds a model is started again')
        .argument('<id>')
        .option('--override', 'even though the estimate says that it does not fit'),
    ),
    async ({ agent, output }, options, id) => {
      const { call } = await agent();
      const params = { id: id ?? '' };
      const changes = configOf(options);
      const { slot: before } = await call(ENDPOINTS.getSlot, { params });
      const body = {
        ...(options.name === undefined ? {} : { display_name: options.name }),
        ...(options.runtime === undefined ? {} : { runtime_spec: options.runtime }),
        ...(options.gpu === undefined ? {} : { gpu_ids: options.gpu }),
        ...(Object.keys(changes).length === 0 ? {} : { config: { ...before.config, ...changes } }),
        ...(options.override === true ? { override: true } : {}),
      };
      const { slot } = await call(ENDPOINTS.patchSlot, { params, body }, { ifMatch: before.rev });
      output.result({ slot }, `Slot ${slot.id} is changed.`);
    },
  );

  action<SlotSettings & { kvType?: SlotConfig['kv_cache_type']; gpu?: string[] }>(
    slots
      .command('fit')
      .description('whether a model would fit into a slot, and what would make it fit')
      .argument('<id>')
      .argument('<model>')
      .option('--context <tokens>', 'tokens one request may have', wholeNumber)
      .option('--parallel <n>', 'requests at once', wholeNumber)
      .option('--kv-type <type>', 'type of the KV cache')
      .option('--gpu <uuid...>', 'GPUs in place of those of the slot'),
    async ({ agent, output }, { kvType, gpu, ...options }, id, model) => {
      const { call } = await agent();
      const params = { id: id ?? '' };
      const { slot } = await call(ENDPOINTS.getSlot, { params });
      const changes = {
        ...configOf(options),
        ...(kvType === undefined ? {} : { kv_cache_type: kvType }),
      };
      const body = {
        managed_model_id: model ?? '',
        config: { ...slot.config, ...changes },
        ...(gpu === undefined ? {} : { gpu_ids: gpu }),
      };
      const fit = await call(ENDPOINTS.fitSlot, { params, body });
      output.result(fit, describeFit(fit));
    },
  );

  action<{ wait: boolean; override?: boolean }>(
    slots
      .command('load')
      .description('load a model into a slot')
      .argument('<id>')
      .argument('<model>')
      .option('--override', 'even though the estimate says that it does not fit')
      .option('--no-wait', 'do not wait until it serves'),
    async ({ agent, output }, options, id, model) => {
      const connection = await agent();
      const { slot } = await connection.call(ENDPOINTS.loadSlot, {
        params: { id: id ?? '' },
        body: { managed_model_id: model ?? '', override: options.override === true },
      });
      const done = options.wait
        ? await waitForSlot(
            connection,
            slot.id,
            (now) => now.load_state === 'loaded' && now.loaded_managed_model_id === model,
          )
        : slot;
      output.result(
        { slot: done },
        options.wait
          ? `${done.id} serves ${model} after ${formatDuration(done.load_ms ?? 0)}.`
          : `${slot.id} is loading ${model}.`,
      );
    },
  );

  action<{ wait: boolean; now?: boolean }>(
    slots
      .command('unload')
      .description('empty a slot')
      .argument('<id>')
      .option('--now', 'cut the requests that are running instead of letting them finish')
      .option('--no-wait', 'do not wait until it is empty'),
    async ({ agent, output }, options, id) => {
      const connection = await agent();
      const { slot } = await connection.call(ENDPOINTS.unloadSlot, {
        params: { id: id ?? '' },
        query: { now: options.now === true },
      });
      const done = options.wait
        ? await waitForSlot(connection, slot.id, (now) => now.load_state === 'empty')
        : slot;
      output.result({ slot: done }, `${done.id} is ${done.load_state}.`);
    },
  );

  action<{ override?: boolean }>(
    slots
      .command('restart')
      .description('start the runtime of a slot again')
      .argument('<id>')
      .option('--override', 'even though the estimate says that it does not fit'),
    async ({ agent, output }, options, id) => {
      const { slot } = await (
        await agent()
      ).call(ENDPOINTS.restartSlot, {
        params: { id: id ?? '' },
        query: { override: options.override === true },
      });
      output.result({ slot }, `${slot.id} starts again.`);
    },
  );

  action(
    slots.command('delete').description('delete an empty slot').argument('<id>'),
    async ({ agent, output }, _options, id) => {
      const answer = await (await agent()).call(ENDPOINTS.deleteSlot, { params: { id: id ?? '' } });
      output.result(answer, `Slot ${answer.slot_id} is deleted.`);
    },
  );

  benchCommand(slots);
  terminalCommand(slots);
  logsCommand(program);
}

/** Waits until a slot is as wished. @throws {AppError} its load error when it gives up. */
async function waitForSlot(
  connection: Connection,
  id: string,
  reached: (slot: Slot) => boolean,
): Promise<Slot> {
  const stop = new AbortController();
  const look = async (): Promise<Slot> => (await connection.call(ENDPOINTS.getSlot, { params: { id } })).slot;
  try {
    for await (const event of readEvents(connection, 'slots', stop.signal)) {
      const slot =
        event.name === 'slot'
          ? (event.data as { slot: Slot }).slot
          : event.name === 'stream.open'
            ? await look()
            : null;
      if (slot?.id !== id) continue;
      if (reached(slot)) return slot;
      if (slot.load_error !== null && (slot.load_state === 'error' || slot.phase === 'backoff')) {
        const { error, message, hint, log_excerpt: log } = slot.load_error;
        throw new AppError(error, message, { hint, details: { log_excerpt: log } });
      }
    }
    return await look();
  } finally {
    stop.abort();
  }
}

function describeSlot(slot: Slot): string {
  const facts: [string, string][] = [
    ['state', `${slot.load_state}${slot.phase === null ? '' : ` (${slot.phase})`}`],
    ['serves', slot.loaded_managed_model_id ?? '—'],
    ['wants', slot.assigned_model_id ?? '—'],
    ['runtime', `${slot.runtime_spec}${slot.engine_version === null ? '' : `, ${slot.engine_version}`}`],
    ['isolation', slot.isolation ?? '—'],
    [
      'context',
      slot.context_length === null
        ? '—'
        : `${slot.context_length} tokens a request, ${slot.parallel ?? 1} at once`,
    ],
    ['loaded in', slot.load_ms === null ? '—' : formatDuration(slot.load_ms)],
  ];
  const error =
    slot.load_error === null
      ? []
      : [
          `  ${slot.load_error.message}`,
          `  ${slot.load_error.hint}`,
          ...slot.load_error.log_excerpt.map((line) => `  | ${line}`),
        ];
  return [
    `${slot.id}  ${slot.display_name}`,
    ...facts.map(([name, value]) => `  ${name.padEnd(10)} ${value}`),
    ...error,
  ].join('\n');
}
