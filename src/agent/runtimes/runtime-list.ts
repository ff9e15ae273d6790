import type { Runtime } from '../../shared/contract/index.ts';
import { toIso, type Clock } from '../kernel/clock.ts';
import type { RuntimeDriver } from './drivers/driver.ts';
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
      const found = await driver?.availability(spec, undefined, signal);
      return {
        id: spec.id,
        name: spec.name,
        description: spec.description,
        driver: spec.driver,
        device: spec.device,
        capabilities: [...spec.capabilities],
        formats: [...spec.formats],
        image: spec.image?.reference ?? null,
        image_id: found?.engine?.imageId ?? null,
        verified: spec.image?.verified ?? spec.driver === 'embedded',
        settings: [...spec.settings],
        origin,
        transport: transportOf(spec, found?.engine?.version ?? null),
        gpus: spec.gpus,
        choices: spec.choices,
        version: found?.engine?.version ?? null,
        available: found?.available ?? false,
        unavailable:
          found?.available === true
            ? null
            : {
                error: found?.error ?? ('runtime_unavailable' as const),
                message: found?.message ?? `This agent has no driver for ${spec.driver} runtimes.`,
                hint: found?.hint ?? 'Use another runtime.',
              },
        observed_at: toIso(deps.clock.now()),
      };
    }),
  );
}
