import { fileURLToPath } from 'node:url';

/** Files that ship with the agent: `resources/` of the repository, which a build lies two folders below as well. */
export function resourcePath(name: string): string {
  const up = import.meta.url.endsWith('.ts') ? '../../../resources/' : '../../resources/';
  return fileURLToPath(new URL(up + name, import.meta.url));
}

/** The built UI. */
export function uiDirectory(): string {
  const up = import.meta.url.endsWith('.ts') ? '../../../out/renderer' : '../renderer';
  return fileURLToPath(new URL(up, import.meta.url));
}
