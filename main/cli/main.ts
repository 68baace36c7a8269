#!/usr/bin/env node
/** The `guesthouse` command. Its modules are loaded with the compiled code of former runs, which halves its start. */
import { enableCompileCache } from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { join } from 'node:path';
import { cacheFolder } from '../../emulator/host/paths.ts';

/**
 * V8 14 (Node 26.10) miscompiles loops of cached functions whose closures change an outer variable, when it enters the
 * optimised loop midway (emulator/host/lz4Legacy.test.ts shows it). Without context cells it does not.
 */
setFlagsFromString('--no-function-context-cells');
enableCompileCache(join(cacheFolder(), 'code'));
const { runCli } = await import('./commandLine.ts');
process.exit(await runCli(process.argv.slice(2)));
