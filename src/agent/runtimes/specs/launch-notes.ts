import type { EffectiveConfig } from './effective-config.ts';
import { holdsFor } from './engine-version.ts';
import type { RuntimeSpec, SpecTransport } from './spec.ts';

interface NoteFacts {
  readonly spec: RuntimeSpec;
  readonly values: EffectiveConfig['values'];
  readonly version: string | null;
  readonly transport: SpecTransport;
  readonly canUnix: boolean;
}

/** What this version of the engine and this machine changed in a launch, in sentences for a person. Pure. */
export function launchNotes(facts: NoteFacts): string[] {
  return [...versionNotes(facts), ...argumentNotes(facts), ...transportNotes(facts), ...imageNotes(facts)];
}

function versionNotes({ spec, version }: NoteFacts): string[] {
  if (version !== null || !dependsOnVersion(spec)) return [];
  return ['Neither the tag nor a label of the image says which version it is; it is taken for the newest.'];
}

function dependsOnVersion(spec: RuntimeSpec): boolean {
  const isBounded = (entry: { since?: string | undefined; before?: string | undefined }): boolean =>
    entry.since !== undefined || entry.before !== undefined;
  return (
    spec.transports.some(isBounded) || spec.args.some((entry) => !Array.isArray(entry) && isBounded(entry))
  );
}

/** Settings that a person made and that this version has no argument for. */
function argumentNotes({ spec, values, version }: NoteFacts): string[] {
  const lost = new Set<string>();
  const kept = new Set<string>();
  for (const entry of spec.args) {
    if (Array.isArray(entry) || entry.when === undefined) continue;
    const value = (values as Record<string, unknown>)[entry.when];
    if (value === undefined || value === false || (entry.is !== undefined && entry.is !== value)) continue;
    (holdsFor(version, entry) ? kept : lost).add(entry.when);
  }
  return [...lost]
    .filter((name) => !kept.has(name))
    .map((name) => `${spec.name} ${version ?? ''} has no argument for ${name}; it does nothing.`);
}

function transportNotes({ spec, version, transport, canUnix }: NoteFacts): string[] {
  if (transport.kind === 'unix') return [];
  const unix = spec.transports.find((one) => one.kind === 'unix');
  const network = 'It is in an internal network of its own and reached by its address.';
  const key =
    transport.key === undefined
      ? ['The engine asks for no key.']
      : ['It is told a random key, which the agent sends with every request.'];
  if (unix === undefined) return [network, ...key];
  const why = canUnix
    ? `Version ${version ?? 'unknown'} cannot listen on a Unix socket${unix.since === undefined ? '' : ` (from ${unix.since} on it can)`}, so it listens on TCP.`
    : 'Sockets of a container cannot be reached on this machine, so it listens on TCP.';
  return [why, network, ...key];
}

function imageNotes({ spec }: NoteFacts): string[] {
  if (spec.driver !== 'docker' || spec.image?.verified === true) return [];
  return ['Nobody has verified this runtime with this image; the id that is seen first is recorded.'];
}
