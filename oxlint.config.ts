import { defineConfig, type OxlintOverride } from 'oxlint';
import { forbiddenImports, LAYERS, NETWORK_EXEMPT, type Layer } from './tools/architecture.ts';

/** Later overrides replace `no-restricted-imports` whole, so each layer carries its full list. */
function layerRules(layer: Layer): OxlintOverride {
  const files = layer.path.endsWith('.ts') ? [`src/${layer.path}`] : [`src/${layer.path}/**`];
  const noFetch = layer.forbids.includes('network') && layer.path !== 'shared';
  return {
    files,
    rules: {
      'no-restricted-imports': ['error', { patterns: forbiddenImports(layer) }],
      ...(layer.forbids.includes('console') ? { 'no-console': 'error' } : {}),
      ...(noFetch
        ? {
            'no-restricted-globals': [
              'error',
              { name: 'fetch', message: 'Connections are opened in agent/kernel/egress.ts only.' },
            ],
          }
        : {}),
    },
  };
}

export default defineConfig({
  plugins: ['typescript', 'unicorn', 'oxc', 'import', 'promise', 'react', 'jsx-a11y', 'vitest'],
  categories: { correctness: 'error', suspicious: 'error', perf: 'error' },
  options: { typeAware: true },
  ignorePatterns: ['out', 'node_modules'],
  rules: {
    'typescript/no-explicit-any': 'error',
    'typescript/no-floating-promises': 'error',
    'typescript/no-misused-promises': 'error',
    'typescript/consistent-type-imports': 'error',
    'typescript/switch-exhaustiveness-check': ['error', { considerDefaultExhaustiveForUnions: true }],
    'import/no-cycle': 'error',
    'no-empty': ['error', { allowEmptyCatch: false }],
    eqeqeq: ['error', 'always', { null: 'ignore' }],
    complexity: ['error', { max: 20 }],
    'max-lines': ['error', { max: 420, skipBlankLines: true, skipComments: true }],
    // One after the other is often the point: transactions, files, steps.
    'no-await-in-loop': 'off',
    // JSON, SQLite rows and protocol answers are typed at the edge that knows them.
    'typescript/no-unsafe-type-assertion': 'off',
    // Small helpers stand next to their only use.
    'unicorn/consistent-function-scoping': 'off',
    'oxc/no-map-spread': 'off',
    // For windows; workers and message ports have no origin.
    'unicorn/require-post-message-target-origin': 'off',
    // Written for chains; a `then` here ends one on purpose.
    'promise/always-return': 'off',
    // TypeScript knows that an exhaustive switch returns.
    'typescript/consistent-return': 'off',
    'promise/no-callback-in-promise': 'off',
    'promise/no-promise-in-callback': 'off',
    // JSX compiles to react/jsx-runtime.
    'react/react-in-jsx-scope': 'off',
    // Style sheets.
    'import/no-unassigned-import': 'off',
    // Packages of the CommonJS time offer both; the default is what their documents show.
    'import/no-named-as-default-member': 'off',
    'import/no-named-as-default': 'off',
    // `role="status"` on a paragraph is what the practices of WAI-ARIA show; <output> belongs to forms.
    'jsx-a11y/prefer-tag-over-role': 'off',
  },
  overrides: [
    ...LAYERS.map(layerRules),
    {
      files: [...NETWORK_EXEMPT],
      rules: { 'no-restricted-imports': 'off', 'no-restricted-globals': 'off' },
    },
    {
      files: ['test/**', 'src/**/*.test.ts', 'src/**/*.test.tsx'],
      rules: {
        'max-lines': 'off',
        'no-restricted-globals': 'off',
        // A test may build its input with any part of the product.
        'no-restricted-imports': 'off',
        'vitest/valid-expect': ['error', { maxArgs: 2 }],
        'vitest/expect-expect': ['error', { assertFunctionNames: ['expect', 'fc.assert'] }],
        // Tables say per row what to expect.
        'vitest/no-conditional-expect': 'off',
      },
    },
  ],
});
