import { readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { z } from 'zod';
import { AppError } from '../../shared/contract/index.ts';
import { defaultDataDir } from './agent-file.ts';
import type { ProxySettings } from './egress.ts';
import type { ProfileSource } from './profile.ts';

export { defaultDataDir } from './agent-file.ts';

/** What a person may set; the same keys in a file, in the environment and on the command line. */
const SettingsSchema = z.strictObject({
  data_dir: z.string().min(1).optional(),
  host: z.string().min(1).optional(),
  port: z.coerce.number().int().min(0).max(65_535).optional(),
  profile: z.enum(['online', 'offline']).optional(),
  tls_cert: z.string().min(1).optional(),
  tls_key: z.string().min(1).optional(),
  insecure: z.boolean().optional(),
  allowed_hosts: z.array(z.string().min(1)).optional(),
  allowed_origins: z.array(z.string().min(1)).optional(),
  allowed_peers: z.array(z.url()).optional(),
  https_proxy: z.url({ protocol: /^https?$/ }).optional(),
  no_proxy: z.array(z.string().min(1)).optional(),
  docker_host: z.string().min(1).optional(),
  gpu_request: z.enum(['auto', 'nvidia', 'cdi']).optional(),
  nvidia_smi: z.string().min(1).optional(),
  log_level: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).optional(),
});
export type Settings = z.infer<typeof SettingsSchema>;

/** The agent's configuration, complete and frozen. */
export interface AgentConfig {
  readonly dataDir: string;
  readonly host: string;
  readonly port: number;
  /** Set from outside, and by what; null leaves the choice to the stored setting. */
  readonly profile: { readonly profile: 'online' | 'offline'; readonly source: ProfileSource } | null;
  readonly tls: { readonly cert: string; readonly key: string } | null;
  readonly insecure: boolean;
  readonly allowedHosts: readonly string[];
  readonly allowedOrigins: readonly string[];
  readonly allowedPeers: readonly string[];
  /** The way out for https where a network has only one. */
  readonly proxy: ProxySettings;
  readonly dockerHost: string | null;
  /** How Docker is asked for GPUs: NVIDIA's hook, CDI, or whichever the engine offers. */
  readonly gpuRequest: 'auto' | 'nvidia' | 'cdi';
  /** Path of nvidia-smi; null looks for it. */
  readonly nvidiaSmi: string | null;
  readonly logLevel: string;
}

export interface ConfigSources {
  readonly argv: Settings;
  readonly env: NodeJS.ProcessEnv;
  /** `--config FILE`; the default is `<data-dir>/config.yaml` where it exists. */
  readonly file?: string | undefined;
}

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);

/** What the environment says. Empty variables count as not set. */
function settingsFromEnv(env: NodeJS.ProcessEnv): Settings {
  const value = (name: string): string | undefined =>
    env[name] === undefined || env[name] === '' ? undefined : env[name];
  const profile = value('MODELOPS_PROFILE');
  const proxy = value('HTTPS_PROXY') ?? value('https_proxy');
  const noProxy = value('NO_PROXY') ?? value('no_proxy');
  return check(
    {
      ...(value('MODELOPS_DATA_DIR') === undefined ? {} : { data_dir: value('MODELOPS_DATA_DIR') }),
      ...(profile === undefined ? {} : { profile }),
      ...(proxy === undefined ? {} : { https_proxy: proxy }),
      ...(noProxy === undefined
        ? {}
        : {
            no_proxy: noProxy
              .split(',')
              .map((entry) => entry.trim())
              .filter((entry) => entry !== ''),
          }),
      ...(value('DOCKER_HOST') === undefined ? {} : { docker_host: value('DOCKER_HOST') }),
      ...(value('MODELOPS_GPU_REQUEST') === undefined ? {} : { gpu_request: value('MODELOPS_GPU_REQUEST') }),
      ...(value('MODELOPS_NVIDIA_SMI') === undefined ? {} : { nvidia_smi: value('MODELOPS_NVIDIA_SMI') }),
      ...(value('MODELOPS_LOG_LEVEL') === undefined ? {} : { log_level: value('MODELOPS_LOG_LEVEL') }),
    },
    'the environment',
  );
}

/**
 * Command line over environment over file over defaults.
 * @throws {AppError} `invalid_argument` naming the field and where it was set.
 */
export async function loadConfig({ argv, env, file }: ConfigSources): Promise<AgentConfig> {
  const fromArgv = check(argv, 'the command line');
  const fromEnv = settingsFromEnv(env);
  const early = fromArgv.data_dir ?? fromEnv.data_dir;
  const path = file ?? join(early ?? defaultDataDir(env), 'config.yaml');
  const fromFile = await settingsFromFile(path, file !== undefined);
  const merged: Settings = { ...fromFile, ...fromEnv, ...fromArgv };
  const profile = firstProfile([
    [fromArgv, 'argument'],
    [fromEnv, 'environment'],
    [fromFile, 'file'],
  ]);
  const config: AgentConfig = {
    dataDir: resolve(merged.data_dir ?? defaultDataDir(env)),
    host: merged.host ?? '127.0.0.1',
    port: merged.port ?? 7411,
    profile,
    tls: tlsOf(merged),
    insecure: merged.insecure ?? false,
    allowedHosts: merged.allowed_hosts ?? [],
    allowedOrigins: merged.allowed_origins ?? [],
    allowedPeers: merged.allowed_peers ?? [],
    proxy: { httpsProxy: merged.https_proxy ?? null, noProxy: merged.no_proxy ?? [] },
    dockerHost: merged.docker_host ?? null,
    gpuRequest: merged.gpu_request ?? 'auto',
    nvidiaSmi: merged.nvidia_smi ?? null,
    logLevel: merged.log_level ?? 'info',
  };
  assertSafeHost(config);
  return Object.freeze(config);
}

function firstProfile(sources: readonly (readonly [Settings, ProfileSource])[]): AgentConfig['profile'] {
  for (const [settings, source] of sources) {
    if (settings.profile !== undefined) return { profile: settings.profile, source };
  }
  return null;
}

function tlsOf({ tls_cert: cert, tls_key: key }: Settings): AgentConfig['tls'] {
  if (cert === undefined && key === undefined) return null;
  if (cert === undefined || key === undefined) {
    throw new AppError('invalid_argument', '--tls-cert and --tls-key go together.', {
      details: { fields: ['tls_cert', 'tls_key'] },
    });
  }
  return { cert, key };
}

/** Beyond loopback the agent wants TLS (or an explicit --insecure) and the names it is called by. */
function assertSafeHost({ host, tls, insecure, allowedHosts }: AgentConfig): void {
  if (LOOPBACK.has(host)) return;
  if (tls === null && !insecure) {
    throw new AppError(
      'invalid_argument',
      `--host ${host} lets other machines in; that needs --tls-cert and --tls-key.`,
      {
        hint: 'Give a certificate, or add --insecure if something in front of the agent already encrypts.',
        details: { fields: ['host'] },
      },
    );
  }
  if (allowedHosts.length === 0) {
    throw new AppError(
      'invalid_argument',
      `--host ${host} needs --allowed-host with the name that clients use.`,
      { details: { fields: ['allowed_hosts'] } },
    );
  }
}

async function settingsFromFile(path: string, required: boolean): Promise<Settings> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    // A data directory that is no directory is told by whoever needs it.
    if (!required && (code === 'ENOENT' || code === 'ENOTDIR')) return {};
    throw new AppError('invalid_argument', `The configuration file ${path} cannot be read.`, {
      cause,
      details: { fields: ['config'] },
    });
  }
  let value: unknown;
  try {
    value = parseYaml(text) as unknown;
  } catch (cause) {
    throw new AppError('invalid_argument', `${path} is not YAML: ${(cause as Error).message}`, {
      cause,
      details: { fields: ['config'] },
    });
  }
  return check(value ?? {}, path);
}

function check(value: unknown, where: string): Settings {
  const parsed = SettingsSchema.safeParse(value);
  if (parsed.success) return parsed.data;
  const fields = parsed.error.issues.map((issue) =>
    [...issue.path, ...(issue.code === 'unrecognized_keys' ? issue.keys : [])].join('.'),
  );
  const first = parsed.error.issues[0];
  throw new AppError(
    'invalid_argument',
    `${fields.join(', ')} in ${where}: ${first?.message ?? 'not valid'}.`,
    {
      details: { fields, where },
    },
  );
}
