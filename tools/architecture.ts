/**
 * Who may import whom, in one table. `oxlint.config.ts` turns it into rules, test/architecture/ plants violations of
 * them, and docs/architecture.md draws it.
 */

export interface Layer {
  /** Folder or file below src/. */
  readonly path: string;
  /** Layers it may import; its own files always. */
  readonly mayUse: readonly string[];
  /** What it may not do besides. */
  readonly forbids: readonly Forbidden[];
}

export type Forbidden = 'electron' | 'node' | 'network' | 'console' | 'browser-libraries';

const CORE = ['shared', 'server', 'agent/kernel'] as const;
const BASE = [...CORE, 'agent/access', 'agent/artifacts', 'agent/gpus', 'agent/adapters'] as const;
const CATALOG = [...BASE, 'agent/catalog'] as const;
const RUNTIMES = [...CATALOG, 'agent/runtimes'] as const;
const VALIDATION = [...RUNTIMES, 'agent/validation'] as const;
const GATEWAY = [...VALIDATION, 'agent/usage'] as const;
const FEATURES = [
  ...GATEWAY,
  'agent/benchmarks',
  'agent/gateway',
  'agent/deployments',
  'agent/discovery',
  'agent/system',
] as const;
const AGENT: readonly Forbidden[] = ['electron', 'network', 'console', 'browser-libraries'];

/** From the bottom to the top. */
export const LAYERS: readonly Layer[] = [
  { path: 'shared', mayUse: [], forbids: ['electron', 'node', 'network', 'console', 'browser-libraries'] },
  { path: 'server', mayUse: ['shared'], forbids: ['electron', 'console', 'browser-libraries'] },
  { path: 'agent/kernel', mayUse: ['shared', 'server'], forbids: AGENT },
  { path: 'agent/access', mayUse: CORE, forbids: AGENT },
  { path: 'agent/artifacts', mayUse: CORE, forbids: AGENT },
  { path: 'agent/adapters', mayUse: CORE, forbids: AGENT },
  { path: 'agent/gpus', mayUse: [...CORE, 'agent/adapters'], forbids: AGENT },
  { path: 'agent/catalog', mayUse: BASE, forbids: AGENT },
  { path: 'agent/usage', mayUse: CATALOG, forbids: AGENT },
  { path: 'agent/runtimes', mayUse: CATALOG, forbids: AGENT },
  { path: 'agent/validation', mayUse: RUNTIMES, forbids: AGENT },
  { path: 'agent/benchmarks', mayUse: VALIDATION, forbids: AGENT },
  { path: 'agent/gateway', mayUse: GATEWAY, forbids: AGENT },
  { path: 'agent/deployments', mayUse: VALIDATION, forbids: AGENT },
  { path: 'agent/discovery', mayUse: VALIDATION, forbids: AGENT },
  { path: 'agent/system', mayUse: GATEWAY, forbids: AGENT },
  { path: 'agent/composition', mayUse: FEATURES, forbids: AGENT },
  { path: 'agent/composition.ts', mayUse: [...FEATURES, 'agent/composition'], forbids: AGENT },
  {
    path: 'agent/index.ts',
    mayUse: [...FEATURES, 'agent/composition', 'agent/composition.ts'],
    forbids: AGENT,
  },
  { path: 'cli', mayUse: ['shared', 'agent'], forbids: ['electron', 'browser-libraries'] },
  { path: 'main', mayUse: ['shared', 'agent/kernel/agent-file.ts'], forbids: ['browser-libraries'] },
  { path: 'preload', mayUse: ['shared'], forbids: ['node', 'browser-libraries'] },
  { path: 'renderer', mayUse: ['shared'], forbids: ['electron', 'node'] },
];

/** Other features see only the `index.ts` of these. */
export const FEATURES_WITH_A_DOOR = [
  'access',
  'artifacts',
  'gpus',
  'catalog',
  'runtimes',
  'validation',
  'benchmarks',
  'gateway',
  'deployments',
  'discovery',
  'system',
  'usage',
] as const;

/** The places where a connection may be opened, and where addresses are judged. */
export const NETWORK_EXEMPT = [
  'src/agent/kernel/address-rules.ts',
  'src/agent/kernel/dial.ts',
  'src/agent/kernel/egress.ts',
  'src/agent/runtimes/embedded/openai-server.ts',
] as const;

/** As the linter takes it: a regular expression without look-around, or paths as .gitignore writes them. */
export type ImportPattern = {
  readonly message: string;
  readonly allowTypeImports?: boolean;
} & ({ readonly regex: string } | { readonly group: string[] });

const NETWORK_MODULES = '^(node:)?(http|https|http2|net|tls|dgram|dns)(/.*)?$';

/** The import patterns a file of a layer must not use. Pure. */
export function forbiddenImports(layer: Layer): ImportPattern[] {
  const patterns: ImportPattern[] = [];
  const forbid = (regex: string, message: string, allowTypeImports = false): void => {
    patterns.push(allowTypeImports ? { regex, message, allowTypeImports } : { regex, message });
  };
  if (layer.forbids.includes('electron')) forbid('^electron(/|$)', `${layer.path} never reaches electron.`);
  if (layer.forbids.includes('node')) forbid('^node:', `${layer.path} runs in a browser too.`);
  if (layer.forbids.includes('browser-libraries'))
    forbid('^(react|react-dom|@mantine|zustand|wouter)(/|$)', `${layer.path} has no user interface.`);
  if (layer.forbids.includes('network')) {
    forbid(NETWORK_MODULES, 'Connections are opened in agent/kernel/egress.ts only.', true);
    forbid('^undici$', 'Connections are opened in agent/kernel/egress.ts only.', true);
  }
  for (const other of LAYERS) {
    if (other.path === layer.path || allows(layer, other.path)) continue;
    const message = `${layer.path} may not use ${other.path}; see tools/architecture.ts.`;
    const excepted = layer.mayUse.filter((allowed) => allowed.startsWith(`${other.path}/`));
    if (excepted.length > 0) {
      patterns.push({
        group: [`**/${other.path}/**`, ...excepted.map((path) => `!**/${path}`)],
        message,
      });
      continue;
    }
    const target = other.path.replace(/^agent\//, '').replace('.', '\\.');
    // Relative paths climb with `..`, so the folder of another layer follows a `../`.
    const tail = other.path.endsWith('.ts') ? '$' : '/';
    // Only the agent's own folders reach another of its folders without naming it: the UI has a `system` of its own.
    const inAgent = layer.path.startsWith('agent/')
      ? '(agent/)?'
      : other.path.startsWith('agent/')
        ? 'agent/'
        : '';
    forbid(`\\.\\./${inAgent}${target}${tail}`, message);
  }
  if (layer.path.startsWith('agent/')) {
    const own = layer.path.replace(/^agent\//, '');
    const others = FEATURES_WITH_A_DOOR.filter((feature) => feature !== own);
    patterns.push({
      group: others.flatMap((feature) => [`**/${feature}/**`, `!**/${feature}/index.ts`]),
      message: 'Another feature is used through its index.ts only.',
    });
  }
  return patterns;
}

function allows(layer: Layer, path: string): boolean {
  return layer.mayUse.some((allowed) => path === allowed || path.startsWith(`${allowed}/`));
}
