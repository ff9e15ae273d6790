import type { Runtime } from '../../shared/contract/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { Availability, RuntimeDriver } from './drivers/driver.ts';
import { pickTransport } from './specs/launch.ts';
import type { RuntimeSpec } from './specs/spec.ts';
import type { SpecRegistry } from './specs/spec-registry.ts';

/** The best that this version of the engine has. Pure. */
function transportOf(spec: RuntimeSpec, version: string | null): 'unix' | 'tcp' {
  return pickTransport(spec, {}, version, process.platform === 'linux')?.kind ?? 'unix';
}

/** The runtime specs with what is true of them on this machine now. */
export async function listRuntimes(
  deps: { specs: SpecRegistry; drivers: ReadonlyMap<string, RuntimeDriver>; clock: Clock },
  signal: AbortSignal,
): Promise<Runtime[]> {
  return Promise.all(
    deps.specs.all().map(async ({ spec, origin }) => {
      const driver = deps.drivers.get(spec.driver);
      const found = (await driver?.availability(spec, undefined, signal)) ?? NO_DRIVER;
      const version = found.engine?.version ?? null;
      return {
        id: spec.id,
        name: spec.name,
        description: spec.description,
        driver: spec.driver,
        device: spec.device,
        capabilities: [...spec.capabilities],
        formats: [...spec.formats],
        image: spec.image?.reference ?? null,
        image_id: found.engine?.imageId ?? null,
        verified: spec.image?.verified ?? spec.driver === 'embedded',
        settings: [...spec.settings],
        origin,
        transport: transportOf(spec, version),
        gpus: spec.gpus,
        choices: spec.choices,
        version,
        available: found.available,
        unavailable: found.available ? null : reasonOf(found),
        observed_at: toIso(deps.clock.now()),
      };
    }),
  );
}

const NO_DRIVER: Availability = {
  available: false,
  error: 'runtime_unavailable',
  message: 'This agent has no driver for runtimes of this kind.',
  hint: 'Use another runtime.',
  engine: null,
};

function reasonOf({ error, message, hint }: Availability): Runtime['unavailable'] {
  return { error: error ?? 'runtime_unavailable', message: message ?? '', hint: hint ?? '' };
}
