/** The version of the product: replaced by the build, read from package.json in a checkout. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

declare const MODELOPS_VERSION: string | undefined;

export const VERSION: string = typeof MODELOPS_VERSION === 'string' ? MODELOPS_VERSION : fromPackage();

function fromPackage(): string {
  const path = fileURLToPath(new URL('../../../package.json', import.meta.url));
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
