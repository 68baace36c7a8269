#!/usr/bin/env node
/**
 * The `guesthouse` command. Its modules are loaded with the compiled code of former runs, which halves its start. This
 * one is JavaScript: the cache keeps the others without their types, and Node's TypeScript need not be loaded.
 */
import { enableCompileCache } from 'node:module';
import { join, resolve } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import envPaths from 'env-paths';

// Before any flag of V8 changes: Node's own modules have compiled code for V8's default flags only.
for (const builtin of ['fs/promises', 'timers/promises', 'perf_hooks'])
  globalThis.process.getBuiltinModule(builtin);

/**
 * V8 14 (Node 26.10) miscompiles loops of cached functions whose closures change an outer variable, when it enters the
 * optimised loop midway (emulator/host/lz4Legacy.test.ts shows it). Without context cells it does not.
 */
setFlagsFromString('--no-function-context-cells');
/** Functions that are compiled when first called are never in Node's cache: each run compiled them again, for 0.06 s. */
setFlagsFromString('--no-lazy');
/** What is loaded lives on: a young generation that grows slowly copies it at each step. */
setFlagsFromString('--semi-space-growth-factor=8');
/** V8's threads run below this one's priority (emulator/host/compilerPriority.ts): a collection would wait for them. */
setFlagsFromString('--no-parallel-scavenge');
/**
 * A thread of V8 that compiles so may wait for a garbage collection by the main thread while that is in process.exit(), which
 * waits for the thread: the command would hang at its end (nodejs/node#54918; seen with Node 26.10).
 */
setFlagsFromString('--no-concurrent-sparkplug');
// cacheFolder() of emulator/host/paths.ts.
const home = globalThis.process.env.GUESTHOUSE_HOME;
const folder = home ? join(resolve(home), 'cache') : envPaths('guesthouse', { suffix: '' }).cache;
enableCompileCache(join(folder, 'code'));
const { runCli } = await import('./commandLine.ts');
globalThis.process.exit(await runCli(globalThis.process.argv.slice(2)));
