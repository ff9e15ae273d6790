import {
  AppError,
  toAppError,
  type Capability,
  type RenderedContainer,
  type SlotConfig,
} from '../../shared/contract/index.ts';
import type { Actor, ModelLifecycle, ModelRow, ModelStore } from '../catalog/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import { containerPaths } from './drivers/container.ts';
import { dockerRunLine } from './drivers/docker-run.ts';
import type { Engine, Launch, RuntimeDriver } from './drivers/driver.ts';
import { engineVersion } from './specs/engine-version.ts';
import { pickTransport } from './specs/launch.ts';
import { launchNotes } from './specs/launch-notes.ts';
import { settingProblem } from './specs/slot-settings.ts';
import type { RuntimeSpec } from './specs/spec.ts';
import type { SpecRegistry } from './specs/spec-registry.ts';
import { slotMismatch, type GpuProblem, type Launcher } from './slots/launcher.ts';
import type { SlotRow, SlotStore } from './slots/slot-store.ts';

interface RenderDeps {
  readonly specs: SpecRegistry;
  readonly store: Pick<SlotStore, 'get'>;
  readonly models: Pick<ModelStore, 'find'>;
  readonly lifecycle: Pick<ModelLifecycle, 'visible'>;
  readonly launcher: Launcher;
  readonly gpuProblem: GpuProblem;
  readonly clock: Clock;
}

interface RenderRequest {
  readonly slot_id?: string | undefined;
  readonly managed_model_id?: string | undefined;
  readonly capability?: Capability | undefined;
  readonly gpu_ids?: readonly string[] | undefined;
  readonly config?: SlotConfig | undefined;
}

/**
 * The container that a slot would get, to the letter; nothing is made, and what is missing for it is told in notes.
 * @throws {AppError} `not_found`, `invalid_argument` for settings the runtime does not take, `unsupported_format`.
 */
export async function renderContainer(
  deps: RenderDeps,
  specId: string,
  request: RenderRequest,
  caller: Actor,
  signal: AbortSignal,
): Promise<RenderedContainer> {
  const { specs, launcher, clock } = deps;
  const spec = specs.find(specId);
  if (spec === undefined) throw new AppError('not_found', `There is no runtime ${specId}.`);
  const slot = slotOf(deps, spec, request);
  const problem = settingProblem(spec, slot.config, slot.gpu_ids);
  if (problem !== null) {
    throw new AppError('invalid_argument', problem.message, {
      details: { fields: problem.fields, allowed: problem.allowed },
    });
  }
  const model = modelOf(deps, slot, request, caller);
  assertFits(spec, slot, model);
  const effective = launcher.effective(slot, model);
  const { values } = effective;
  const driver = launcher.driverFor(spec);
  const missing: string[] = [];
  const engine = await engineOf(spec, driver, values.image, missing, signal);
  const canUnix = await driver.canUnix(signal).catch(() => process.platform === 'linux');
  const transport = pickTransport(spec, values, engine.version, canUnix);
  if (transport === null) missing.push(`${spec.name} cannot be reached on this machine.`);
  if (model === null) missing.push('No model was named; words in angle brackets stand for it.');
  missing.push(...(await gpuNotes(deps, spec, slot.gpu_ids, signal)));
  const [fallback] = spec.transports;
  const used = transport ?? fallback ?? { kind: 'unix' as const };
  const launch = launcher.draft({ slot, model, attempt: 1, spec, engine, effective, transport: used });
  const described = await driver.describe(launch, signal).catch((error: unknown) => {
    missing.push(toAppError(error).message);
    return null;
  });
  const paths = containerPaths(launch);
  return {
    runtime_spec: spec.id,
    driver: spec.driver,
    image: engine.reference,
    image_id: engine.imageId,
    engine_version: engine.version,
    entrypoint: entrypointOf(launch),
    args: [...launch.entrypoint.prefix, ...launch.args(paths)],
    env: launch.env(paths),
    isolation: described?.isolation ?? (used.kind === 'unix' ? 'full' : 'partial'),
    config_hash: launch.configHash,
    create: (described?.create ?? null) as RenderedContainer['create'],
    command: described === null ? null : dockerRunLine(described.create),
    notes: [
      ...new Set(missing),
      ...launchNotes({ spec, values, version: engine.version, transport: used, canUnix }),
    ],
    observed_at: toIso(clock.now()),
  };
}

function modelOf(
  { models, lifecycle }: RenderDeps,
  slot: RenderedSlot,
  request: RenderRequest,
  caller: Actor,
): ModelRow | null {
  const id = request.managed_model_id ?? slot.desired_model_id;
  if (id === null) return null;
  if (request.managed_model_id !== undefined) lifecycle.visible(id, caller);
  return models.find(id) ?? null;
}

async function gpuNotes(
  { gpuProblem }: RenderDeps,
  spec: RuntimeSpec,
  gpuIds: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  if (spec.gpus === 'required' && gpuIds.length === 0)
    return [`${spec.name} needs a GPU, and none is named.`];
  const problems = await Promise.all(gpuIds.map((uuid) => gpuProblem(uuid, signal)));
  return problems.filter((problem) => problem !== null);
}

type RenderedSlot = Pick<
  SlotRow,
  'id' | 'capability' | 'generation' | 'gpu_ids' | 'restarts' | 'runtime_spec' | 'config' | 'desired_model_id'
>;

/** The named slot with what the request says instead, or one that does not exist. */
function slotOf({ store }: RenderDeps, spec: RuntimeSpec, request: RenderRequest): RenderedSlot {
  const own = request.slot_id === undefined ? null : store.get(request.slot_id);
  const capability = request.capability ?? own?.capability ?? spec.capabilities[0] ?? 'llm_inference';
  if (!spec.capabilities.includes(capability)) {
    throw new AppError('unsupported_format', `${spec.name} does not do ${capability}.`, {
      details: { fields: ['capability'], allowed: spec.capabilities },
    });
  }
  const base = own ?? EXAMPLE_SLOT;
  return {
    ...base,
    capability,
    runtime_spec: spec.id,
    gpu_ids: request.gpu_ids ?? base.gpu_ids,
    config: request.config ?? base.config,
  };
}

const EXAMPLE_SLOT = {
  id: 'example',
  generation: 1,
  restarts: 0,
  gpu_ids: [],
  config: {},
  desired_model_id: null,
} as const;

function assertFits(spec: RuntimeSpec, slot: RenderedSlot, model: ModelRow | null): void {
  const mismatch = model === null ? null : slotMismatch(spec, slot, model);
  if (mismatch !== null)
    throw new AppError('unsupported_format', mismatch.message, { details: mismatch.details });
}

/** The engine as it is here, or as far as its name tells. */
async function engineOf(
  spec: RuntimeSpec,
  driver: RuntimeDriver,
  image: string | undefined,
  missing: string[],
  signal: AbortSignal,
): Promise<Engine> {
  try {
    return await driver.resolve(spec, image, signal);
  } catch (error) {
    missing.push(toAppError(error).message);
    const reference = image ?? spec.image?.reference ?? '<image>';
    const version = engineVersion(spec, { reference, labels: {}, env: {} });
    return { id: reference, imageId: null, version, reference, entrypoint: null };
  }
}

function entrypointOf({ entrypoint, engine }: Launch): string[] | null {
  const words = entrypoint.command ?? engine.entrypoint;
  return words === null ? null : [...words];
}
