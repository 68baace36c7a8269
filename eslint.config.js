import js from '@eslint/js';
import tseslint from 'typescript-eslint';
import { layerRules } from './test/framework/layers.ts';

export default tseslint.config(
  { ignores: ['out/', 'dist/', '.cache/', 'node_modules/', 'emulator/cpu/', 'test/bench/kernel/'] },
  js.configs.recommended,
  ...tseslint.configs.recommended,
  {
    files: ['**/*.ts', '**/*.tsx'],
    rules: {
      // tsc knows the globals and reports undefined names itself.
      'no-undef': 'off',
      '@typescript-eslint/no-unused-vars': [
        'error',
        { argsIgnorePattern: '^_', varsIgnorePattern: '^_', caughtErrorsIgnorePattern: '^_' },
      ],
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/no-explicit-any': 'error',
      'no-console': 'error',
      eqeqeq: ['error', 'always', { null: 'ignore' }],
      'no-restricted-syntax': [
        'error',
        { selector: 'ExportDefaultDeclaration', message: 'Name what you export.' },
      ],
    },
  },
  {
    // Tools insist on default exports here, and commands print.
    files: ['*.config.ts', '**/*.d.ts'],
    rules: { 'no-restricted-syntax': 'off' },
  },
  {
    files: ['test/**', 'emulator/isa/gen/**', 'main/start.ts', 'main/cli/**'],
    rules: { 'no-console': 'off' },
  },
  ...layerRules,
);
