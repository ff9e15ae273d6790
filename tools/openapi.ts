import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ENDPOINTS } from '../src/shared/contract/index.ts';
import { openApiDocument } from '../src/server/openapi.ts';
import { VERSION } from '../src/agent/system/version.ts';

/** Writes resources/openapi.json; a test fails while it differs from what the agent serves. */
const target = fileURLToPath(new URL('../resources/openapi.json', import.meta.url));
writeFileSync(
  target,
  `${JSON.stringify(openApiDocument(ENDPOINTS, { title: 'ModelOps Node', version: VERSION }), null, 2)}\n`,
);
