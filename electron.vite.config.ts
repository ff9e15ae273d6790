import { resolve } from 'node:path';
import react from '@vitejs/plugin-react';
import { defineConfig } from 'electron-vite';

const root = import.meta.dirname;

/** The page is served under every path, so its files are named from the root; electron-vite names them from the page. */
const fromRoot = {
  name: 'modelops:assets-from-the-root',
  config(config: { base?: string }): void {
    config.base = '/';
  },
};

/** Desktop: main and preload for Electron, and the UI that browsers get too. The agent is built by vite.agent.config.ts. */
export default defineConfig({
  main: {
    build: { sourcemap: true, rolldownOptions: { input: { index: resolve(root, 'src/main/index.ts') } } },
  },
  preload: {
    build: {
      // A sandboxed preload may require nothing but electron, so everything else is bundled.
      externalizeDeps: false,
      rolldownOptions: {
        input: { index: resolve(root, 'src/preload/index.ts') },
        output: { format: 'cjs', entryFileNames: '[name].cjs' },
      },
    },
  },
  renderer: {
    root: resolve(root, 'src/renderer'),
    plugins: [react(), fromRoot],
    build: { minify: 'oxc', rolldownOptions: { input: resolve(root, 'src/renderer/index.html') } },
  },
});
