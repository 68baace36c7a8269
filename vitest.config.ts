import { defineConfig } from 'vitest/config';

const exclude = ['**/node_modules/**', 'out/**'];

/** Guest tests that look at times, rates or memory: nothing runs beside them. */
const measured = ['idle', 'livePause', 'networkPeers', 'sharedNetworks', 'soak'].map(
  (name) => `test/guests/${name}.test.ts`,
);

/** What a test waits for comes at some time on a slow machine, too; vitest's second is a wall clock in all of them. */
const expectations = { poll: { timeout: 30_000 } };

const long = (name: string) => ({
  name,
  expect: expectations,
  include: [`test/${name}/**/*.test.ts`],
  exclude,
  testTimeout: 600_000,
  hookTimeout: 600_000,
});

/** These start guests, browsers or both cores' worth of workers themselves. */
const alone = (name: string) => ({ ...long(name), fileParallelism: false });

/** One project a kind of test; test/main.ts runs them in order, `npx vitest --project unit` runs one. */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          expect: expectations,
          include: [
            '{shared,main,renderer,emulator}/**/*.test.{ts,tsx}',
            'test/framework/**/*.test.ts',
          ],
          exclude,
          // Only what hangs is to fail by it: some kill a thousand processes.
          testTimeout: 240_000,
        },
      },
      {
        test: {
          ...long('guests'),
          exclude: [...exclude, ...measured],
          // A guest and its compiler threads keep some more than one core busy.
          maxWorkers: 2,
        },
      },
      { test: { ...alone('guests'), name: 'measured guests', include: measured } },
      { test: alone('isa') },
      { test: alone('ui') },
    ],
  },
});
