import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS, ERRORS, scopeOf, type Endpoint } from '../src/shared/contract/index.ts';
import {
  INITIAL_STATE,
  JOB_TRANSITIONS,
  LOAD_TRANSITIONS,
  MODEL_LIFECYCLE,
  roleCovers,
  ROLES,
  type Role,
} from '../src/shared/lifecycle/index.ts';
import { LAYERS, type Layer } from './architecture.ts';

/**
 * `npm run docs`: writes the parts of the documents that are drawn from the code's own tables, between
 * `<!-- generated: NAME -->` and `<!-- end of NAME -->`. With `--check` it changes nothing and fails where a document
 * differs.
 */

const DOCUMENTS = ['docs/architecture.md', 'docs/api.md', 'docs/security.md'] as const;

const PARTS: Readonly<Record<string, () => string>> = {
  layers: () => mermaid('flowchart BT', LAYERS.flatMap(layerLines)),
  lifecycle: () =>
    mermaid('stateDiagram-v2', [
      ...Object.entries(INITIAL_STATE).map(([hosting, state]) => `[*] --> ${state}: ${hosting}`),
      ...Object.entries(MODEL_LIFECYCLE).flatMap(([action, { from }]) =>
        Object.entries(from)
          .filter(([before, after]) => before !== after)
          .map(([before, after]) => `${before} --> ${after}: ${action}`),
      ),
    ]),
  guards: () =>
    table(
      ['Action', 'Possible when', 'Becomes', 'Guards, in the order they are asked'],
      Object.entries(MODEL_LIFECYCLE).map(([action, { from, guards }]) => [
        action,
        Object.keys(from).join(', '),
        [
          ...new Set(Object.entries(from).map(([before, after]) => (before === after ? 'unchanged' : after))),
        ].join(' or '),
        guards.length === 0 ? 'none' : guards.map((guard) => `\`${guard}\``).join(', '),
      ]),
    ),
  'load-states': () => mermaid('stateDiagram-v2', arrows(LOAD_TRANSITIONS)),
  'job-states': () => mermaid('stateDiagram-v2', ['[*] --> queued', ...arrows(JOB_TRANSITIONS)]),
  routes: () =>
    table(
      ['Method', 'Path', 'Role', 'What'],
      (Object.values(ENDPOINTS) as Endpoint[]).map(({ method, path, role, summary }) => [
        method,
        `\`${path}\``,
        role === 'open' ? 'anybody' : role,
        summary,
      ]),
    ),
  roles: () =>
    table(
      ['Method', 'Path', ...ROLES, 'owner', 'Scope'],
      (Object.values(ENDPOINTS) as Endpoint[]).map((row) => [
        row.method,
        `\`${row.path}\``,
        ...ROLES.map((role) => tick(row.role === 'open' || roleCovers(role, row.role))),
        tick(row.owner !== undefined && !roleCovers('user', row.role as Role)),
        row.role === 'open' ? 'no key' : scopeOf(row),
      ]),
    ),
  errors: () =>
    table(
      ['Code', 'Status', 'Try again?', 'Way out, where the answer names no better one'],
      Object.entries(ERRORS).map(([code, { status, retryable, hint }]) => [
        `\`${code}\``,
        String(status),
        retryable ? 'yes' : 'no',
        hint,
      ]),
    ),
};

const tick = (may: boolean): string => (may ? 'yes' : '');

/** Only direct uses are drawn: what a layer reaches through another one it may use as well. */
function layerLines(layer: Layer): string[] {
  const name = nodeName(layer.path);
  const uses = layer.mayUse.filter(
    (path) =>
      !layer.mayUse.some((other) => LAYERS.some((one) => one.path === other && one.mayUse.includes(path))),
  );
  return [`${name}["${layer.path}"]`, ...uses.map((path) => `${name} --> ${nodeName(path)}`)];
}

const nodeName = (path: string): string => path.replace(/\W/g, '_');

function arrows(transitions: Readonly<Record<string, readonly string[]>>): string[] {
  return Object.entries(transitions).flatMap(([from, next]) =>
    next.length === 0 ? [`${from} --> [*]`] : next.map((to) => `${from} --> ${to}`),
  );
}

function mermaid(kind: string, lines: readonly string[]): string {
  return ['```mermaid', kind, ...lines.map((line) => `  ${line}`), '```'].join('\n');
}

/** Padded as the formatter would. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.replaceAll('|', '\\|')));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  const [first = [], ...rest] = cells;
  return [line(first), line(widths.map((width) => '-'.repeat(width))), ...rest.map((row) => line(row))].join(
    '\n',
  );
}

/** The text with every generated part written anew. @throws when it names a part that nobody makes, or does not end one */
function regenerate(text: string): string {
  const rest = text.replaceAll(
    /<!-- generated: ([\w-]+) -->[\s\S]*?<!-- end of \1 -->/g,
    (_all, name: string) => {
      const part = PARTS[name];
      if (part === undefined) throw new Error(`Nobody makes the part ${name}.`);
      return `<!-- generated: ${name} -->\n\n${part()}\n\n<!-- end of ${name} -->`;
    },
  );
  const [opened, closed] = [/<!-- generated: /g, /<!-- end of /g].map(
    (mark) => rest.match(mark)?.length ?? 0,
  );
  if (opened !== closed) throw new Error('A generated part has no end.');
  return rest;
}

const check = process.argv.includes('--check');
const outdated: string[] = [];
for (const document of DOCUMENTS) {
  const path = fileURLToPath(new URL(`../${document}`, import.meta.url));
  const before = readFileSync(path, 'utf8');
  const after = regenerate(before);
  if (after === before) continue;
  outdated.push(relative(process.cwd(), path));
  if (!check) writeFileSync(path, after);
}
if (outdated.length > 0) {
  process.stdout.write(`${check ? 'Out of date, run `npm run docs`' : 'Written'}: ${outdated.join(', ')}\n`);
  process.exitCode = check ? 1 : 0;
}
