#!/usr/bin/env node
// Plain JavaScript, so that an old Node can still say what is wrong. In a checkout it runs the sources, unless
// MODELOPS_BUILT=1 asks for the bundle; an installed package has the bundle only.
import { existsSync } from 'node:fs';
import module from 'node:module';

const [major] = process.versions.node.split('.').map(Number);
if (major < 24) {
  process.stderr.write(
    `ModelOps Node needs Node.js 24 or newer; this is ${process.versions.node}.\n` +
      'In a checkout: npm ci, then npm run -s modelops -- ARGS (that uses the Node it brings).\n',
  );
  process.exit(1);
}
module.enableCompileCache();
const source = new URL('../src/cli/main.ts', import.meta.url);
const useSource = process.env.MODELOPS_BUILT !== '1' && existsSync(source);
const { main } = await import(useSource ? source.href : new URL('../out/cli/main.js', import.meta.url).href);
await main(process.argv.slice(2));
