#!/usr/bin/env node
/** The `guesthouse` command. Its modules are loaded with the compiled code of former runs, which halves its start. */
import { enableCompileCache } from 'node:module';
import { join } from 'node:path';
import { cacheFolder } from '../../emulator/host/paths.ts';

enableCompileCache(join(cacheFolder(), 'code'));
const { runCli } = await import('./commandLine.ts');
process.exit(await runCli(process.argv.slice(2)));
