import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import {
  AppError,
  CapabilitySchema,
  ENDPOINTS,
  type Capability,
  type RenderedContainer,
  type Runtime,
} from '../../shared/contract/index.ts';
import { action } from '../command-context.ts';
import { formatTable } from '../output.ts';
import { readSlotConfig } from '../slot-config.ts';

interface Problem {
  readonly file: string;
  readonly message: string;
  readonly line: number | null;
  readonly column: number | null;
}

interface RenderOptions {
  readonly slot?: string;
  readonly model?: string;
  readonly capability?: string;
  readonly gpu?: string[];
  readonly config?: string;
}

const collect = (value: string, before: string[] = []): string[] => [...before, value];

/** What engines this node can start, and the exact container it would start. */
export function runtimeCommands(program: Command): void {
  const runtimes = program
    .command('runtimes')
    .description('runtimes this node knows, and why one is not available');

  action(
    runtimes.command('list', { isDefault: true }).description('all of them'),
    async ({ agent, output }) => {
      const answer = await (await agent()).call(ENDPOINTS.listRuntimes, {});
      const rows = answer.runtimes.map((runtime) => [
        runtime.id,
        runtime.driver,
        runtime.formats.join(', '),
        runtime.available ? 'available' : 'not available',
        runtime.unavailable?.message ?? runtime.image ?? '',
      ]);
      output.result(
        answer,
        [
          formatTable(['id', 'driver', 'formats', 'state', 'detail'], rows),
          ...answer.problems.map(describeProblem),
        ].join('\n'),
      );
    },
  );
  action(
    runtimes.command('show').description('one of them').argument('<id>'),
    async ({ agent, output }, _options, id = '') => {
      const answer = await (await agent()).call(ENDPOINTS.listRuntimes, {});
      const runtime = answer.runtimes.find((one) => one.id === id);
      if (runtime === undefined) {
        throw new AppError('not_found', `There is no runtime ${id}.`, {
          hint: `There are ${answer.runtimes.map((one) => one.id).join(', ')}.`,
        });
      }
      output.result({ runtime }, describeRuntime(runtime));
    },
  );
  action<RenderOptions>(
    runtimes
      .command('render')
      .description('the exact container that would be created; nothing is')
      .argument('<id>', 'runtime')
      .option('--slot <id>', 'with the settings of this slot')
      .option('--model <id>', 'for this model; without, the one the slot wants')
      .option('--capability <name>', CapabilitySchema.options.join(', '))
      .option('--gpu <uuid>', 'on this GPU; may be given several times', collect)
      .option('--config <json>', "in place of the slot's own settings"),
    async ({ agent, output }, options, id = '') => {
      const { container } = await (
        await agent()
      ).call(ENDPOINTS.renderRuntime, {
        params: { id },
        body: {
          ...(options.slot === undefined ? {} : { slot_id: options.slot }),
          ...(options.model === undefined ? {} : { managed_model_id: options.model }),
          ...(options.capability === undefined ? {} : { capability: options.capability as Capability }),
          ...(options.gpu === undefined ? {} : { gpu_ids: options.gpu }),
          ...(options.config === undefined ? {} : { config: readSlotConfig(options.config) }),
        },
      });
      output.result({ container }, describeContainer(container));
    },
  );
  action(
    runtimes
      .command('validate')
      .description('whether a file would be a usable runtime, with the place of every problem')
      .argument('<file>'),
    async ({ agent, output }, _options, file = '') => {
      const yaml = await readFile(file, 'utf8').catch((cause: unknown) => {
        throw new AppError('not_found', `${file} cannot be read.`, { cause });
      });
      const answer = await (await agent()).call(ENDPOINTS.validateRuntime, { body: { yaml } });
      const problems = answer.problems.map((problem) => ({ ...problem, file }));
      output.result(
        { ...answer, problems },
        problems.length === 0
          ? `${file} is the runtime ${answer.id ?? ''}.`
          : problems.map(describeProblem).join('\n'),
      );
      if (problems.length > 0) process.exitCode = 1;
    },
  );
}

function describeProblem({ file, line, column, message }: Problem): string {
  return `${file}:${line ?? 1}:${column ?? 1} ${message}`;
}

function describeRuntime(runtime: Runtime): string {
  const choices = Object.entries(runtime.choices).map(([key, values]) => `${key}: ${values.join(', ')}`);
  const rows: [string, string][] = [
    ['name', runtime.name],
    ['about', runtime.description],
    ['driver', runtime.driver],
    ['origin', runtime.origin],
    ['image', runtime.image ?? 'none'],
    ['image id', runtime.image_id ?? 'not here'],
    ['version', runtime.version ?? 'unknown'],
    ['verified', runtime.verified ? 'yes' : 'no'],
    ['device', runtime.device],
    ['GPUs', runtime.gpus],
    [
      'reached by',
      runtime.transport === 'unix' ? 'Unix socket, without network' : 'TCP in a network of its own',
    ],
    ['capabilities', runtime.capabilities.join(', ')],
    ['formats', runtime.formats.join(', ')],
    ['settings', runtime.settings.join(', ')],
    ...(choices.length === 0 ? [] : ([['choices', choices.join('; ')]] as [string, string][])),
    ['state', runtime.unavailable?.message ?? 'available'],
  ];
  return formatTable([runtime.id, ''], rows);
}

function describeContainer(container: RenderedContainer): string {
  const words = [...(container.entrypoint ?? []), ...container.args].join(' ');
  return [
    container.command ?? words,
    ...(container.notes.length === 0 ? [] : ['', ...container.notes.map((note) => `- ${note}`)]),
  ].join('\n');
}
