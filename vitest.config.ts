import { defineConfig } from 'vitest/config';

/**
 * Suites by what they need: `unit`, `web`, `architecture` and `integration` need nothing but npm; `docker`, `system` (as root), `e2e`
 * and `desktop` need system packages that `npm run test:all` installs. A suite that is asked for and cannot run fails.
 */
const node = {
  environment: 'node',
  globalSetup: ['test/support/require-node-24.ts'],
  testTimeout: 30_000,
  hookTimeout: 60_000,
};

export default defineConfig({
  cacheDir: process.env['MODELOPS_VITE_CACHE'] ?? 'node_modules/.vite',
  test: {
    reporters: ['default'],
    // Models compute on these cores too; more workers than cores only make everything wait.
    maxWorkers: 2,
    projects: [
      { test: { ...node, name: 'unit', include: ['src/**/*.test.ts'], exclude: ['src/renderer/**'] } },
      {
        test: {
          name: 'web',
          environment: 'jsdom',
          include: ['src/renderer/**/*.test.{ts,tsx}'],
          setupFiles: ['test/support/web-setup.ts'],
        },
      },
      { test: { ...node, name: 'architecture', include: ['test/architecture/**/*.test.ts'] } },
      { test: { ...node, name: 'integration', include: ['test/integration/**/*.test.ts'] } },
      {
        test: {
          ...node,
          name: 'docker',
          include: ['test/docker/**/*.test.ts'],
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...node,
          name: 'system',
          include: ['test/system/**/*.test.ts'],
          fileParallelism: false,
          testTimeout: 120_000,
        },
      },
      {
        test: {
          ...node,
          name: 'e2e',
          // Two browsers and two agents share two cores: what is slow once is asked once more, and the report says so.
          retry: 1,
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: [...node.globalSetup, 'test/e2e/support/build-once.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
      {
        test: {
          ...node,
          name: 'desktop',
          retry: 1,
          include: ['test/desktop/**/*.test.ts'],
          testTimeout: 120_000,
          hookTimeout: 120_000,
        },
      },
    ],
  },
});
