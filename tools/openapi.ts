import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS } from '../src/shared/contract/index.ts';
import { openApiDocument } from '../src/server/openapi.ts';
import { VERSION } from '../src/agent/system/version.ts';

/** Writes resources/openapi.json; with `--check` only says whether it is what the agent serves. */
const target = fileURLToPath(new URL('../resources/openapi.json', import.meta.url));
const document = `${JSON.stringify(openApiDocument(ENDPOINTS, { title: 'ModelOps Node', version: VERSION }), null, 2)}\n`;
if (!process.argv.includes('--check')) writeFileSync(target, document);
else if (readFileSync(target, 'utf8') !== document) {
  process.stderr.write('resources/openapi.json is old: run npm run openapi.\n');
  process.exitCode = 1;
}
