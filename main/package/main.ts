/** `npm run package`: builds what can be built here, and says what cannot, and why. */
import { Command } from 'commander';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { buildPackages } from './buildPackages.ts';
import { findProgram, nameOf, packages, type Workshop } from './plan.ts';

const root = path.resolve(import.meta.dirname, '../..');

/** Whether electron-builder's downloads can be reached. */
const canDownload = (): Promise<boolean> =>
  fetch('https://github.com', { method: 'HEAD', signal: AbortSignal.timeout(5000) }).then(
    ({ ok }) => ok,
    () => false,
  );

const command = new Command('npm run package --')
  .description('Builds installable packages of the desktop app into dist/.')
  .argument('[names...]', `of: ${packages.map(nameOf).join(', ')}; by default all`)
  .option('--offline', 'download nothing')
  .option('--quick', 'do not compress')
  .option('--output <folder>', 'where the packages go', path.join(root, 'dist'))
  .parse();
const names = command.args;
const strange = names.find((name) => !packages.some((one) => nameOf(one) === name));
if (strange !== undefined) command.error(`There is no package “${strange}”.`, { exitCode: 64 });
const flags = command.opts<{ offline?: boolean; quick?: boolean; output: string }>();

const electron = path.join(root, 'node_modules/electron');
const shop: Workshop = {
  hostOs: process.platform,
  hostCpu: process.arch,
  online: !flags.offline && (await canDownload()),
  env: process.env,
  find: (program) => findProgram(program, process.env),
  hasModule: (name) => existsSync(path.join(root, 'node_modules', name)),
  // path.txt is written when Electron's program has been unpacked.
  electron: existsSync(path.join(electron, 'path.txt')) ? path.join(electron, 'dist') : undefined,
};
const wanted = packages.filter((one) => names.length === 0 || names.includes(nameOf(one)));
const { built, left, standIn } = await buildPackages(
  wanted,
  shop,
  path.resolve(flags.output),
  flags.quick,
);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say('');
for (const file of built) say(`built      ${path.relative(process.cwd(), file)}`);
for (const [name, why] of left) say(`not built  ${name}: ${why}`);
if (standIn)
  say(
    '\nThe packages in without-electron are complete but for Electron’s program, which could not be had: they show what a package holds, and cannot run.',
  );
process.exitCode = built.length > 0 || left.length === 0 ? 0 : 1;
