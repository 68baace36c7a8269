import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', 'out/**'];

/** One project a kind of test; test/main.ts runs them in order, `npx vitest --project unit` runs one. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          include: [
            '{shared,main,renderer,emulator}/**/*.test.{ts,tsx}',
            'test/framework/**/*.test.ts',
          ],
          exclude,
          testTimeout: 60_000,
        },
      },
      ...['isa', 'guests', 'ui'].map((name) => ({
        test: {
          name,
          include: [`test/${name}/**/*.test.ts`],
          exclude,
          testTimeout: 600_000,
          hookTimeout: 600_000,
          // These start guests, browsers or both cores' worth of workers themselves.
          fileParallelism: false,
        },
      })),
    ],
  },
});
