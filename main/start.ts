/**
 * `npm start`: builds what is missing or older than its sources, then opens the desktop app, or
 * serves the window to a browser where Electron's binary cannot be had.
 */
import { spawn } from 'node:child_process';
import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { describeFailure } from './cli/commandError.ts';
import { wholeNumber } from './cli/optionValues.ts';
import { findElectron, startElectron } from './electron/launch.ts';
import { serve } from './server/serve.ts';

const root = fileURLToPath(new URL('..', import.meta.url));

interface BuildStep {
  readonly what: string;
  readonly output: string;
  /** Files and folders whose newer content makes the output stale. */
  readonly sources: readonly string[];
  /** Scripts for this Node, run one after the other. */
  readonly commands: readonly (readonly string[])[];
}

const core: BuildStep = {
  what: 'the CPU core (this takes about a minute)',
  output: 'emulator/cpu/build/core.wasm',
  sources: ['emulator/isa', 'emulator/cpu'],
  commands: [['emulator/isa/gen/main.ts'], ['emulator/cpu/build.ts']],
};
const browserWindow: BuildStep = {
  what: 'the window',
  output: 'out/renderer/index.html',
  sources: ['renderer', 'shared', 'renderer.config.ts'],
  commands: [
    [
      'node_modules/vite/bin/vite.js',
      'build',
      '--config',
      'renderer.config.ts',
      '--logLevel',
      'warn',
    ],
  ],
};
const desktopApp: BuildStep = {
  what: 'the desktop app',
  output: 'out/main/electron.js',
  sources: ['renderer', 'shared', 'main', 'emulator', 'electron.config.ts', 'renderer.config.ts'],
  commands: [
    [
      'node_modules/electron-vite/bin/electron-vite.js',
      'build',
      '--config',
      'electron.config.ts',
      '--logLevel',
      'warn',
    ],
  ],
};

/** Made by the build itself, or of no consequence to it. */
const ignored = /(^|\/)(build|generated|node_modules)(\/|$)|\.test\.tsx?$|\.md$/;

function newestChange(path: string): number {
  if (ignored.test(path)) return 0;
  const full = join(root, path);
  const status = statSync(full, { throwIfNoEntry: false });
  if (!status) return 0;
  if (!status.isDirectory()) return status.mtimeMs;
  return Math.max(0, ...readdirSync(full).map((name) => newestChange(`${path}/${name}`)));
}

function isStale({ output, sources }: Pick<BuildStep, 'output' | 'sources'>): boolean {
  const status = statSync(join(root, output), { throwIfNoEntry: false });
  return !status || sources.some((source) => newestChange(source) > status.mtimeMs);
}

/** Rejects with an Error if a step fails; its own output says why. */
async function buildWhatIsStale(steps: readonly BuildStep[]): Promise<void> {
  for (const step of steps) {
    if (!isStale(step)) continue;
    process.stdout.write(`Building ${step.what} …\n`);
    for (const command of step.commands) {
      const code = await runNode(command);
      if (code !== 0) throw new Error(`Building ${step.what} failed: ${command.join(' ')}`);
    }
  }
}

function runNode(args: readonly string[]): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, args, {
      cwd: root,
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    child.on('error', reject);
    child.on('exit', resolve);
  });
}

async function main(): Promise<void> {
  const program = new Command('npm start --')
    .option('--no-open', 'do not open a window or browser, only print the address')
    .option('--no-build', 'use what is built, even if it is older than its sources')
    .option('--browser', 'use the browser even if Electron is there', false)
    .option(
      '--port <n>',
      'port for the browser; 0 takes any free one',
      wholeNumber('--port', 0, 65535),
    )
    .exitOverride()
    .configureOutput({ outputError: () => undefined });
  program.parse();
  const flags = program.opts<{ open: boolean; build: boolean; browser: boolean; port?: number }>();
  const wantsBrowser = !flags.open || flags.browser || flags.port !== undefined;
  const electron = wantsBrowser ? undefined : findElectron();
  if (electron && 'binary' in electron) {
    if (flags.build) await buildWhatIsStale([core, desktopApp]);
    const app = startElectron(electron.binary);
    const code = await new Promise<number | null>((resolve) => app.on('exit', resolve));
    if (code !== 0) throw new Error(`The desktop app ended with code ${code}.`);
    return;
  }
  if (electron) process.stdout.write(`Using the browser: ${electron.reason}.\n`);
  if (flags.build) await buildWhatIsStale([core, browserWindow]);
  await serve(flags);
}

if (import.meta.main) {
  try {
    await main();
    process.exit(0);
  } catch (error) {
    const { code, text } = describeFailure(error, 'npm start -- --help');
    if (text !== '') process.stderr.write(`guesthouse: ${text}\n`);
    process.exit(code);
  }
}
