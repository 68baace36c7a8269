/**
 * Packages of Debian 12 for any architecture, fetched by apt into a private state folder: no root,
 * nothing installed, and the host's own package lists stay as they are.
 */
import { existsSync, rmSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { cached, guestCache, GuestsUnavailable, hostTool } from './guestCache.ts';

export type DebianArchitecture = 'amd64' | 'i386';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';
const mirror = process.env.GUESTHOUSE_DEBIAN_MIRROR ?? 'http://deb.debian.org/debian';

interface Apt {
  /** Runs an apt tool with the private state; its working folder is `downloads`. */
  run(tool: string, ...args: string[]): Promise<string>;
  readonly downloads: string;
}

let prepared: Promise<Apt> | undefined;

/** The private apt with fresh package lists; it lives as long as this process. */
function privateApt(): Promise<Apt> {
  prepared ??= prepareApt();
  return prepared;
}

async function prepareApt(): Promise<Apt> {
  if (!existsSync(keyring))
    throw new GuestsUnavailable(`Guests come from Debian packages; ${keyring} is not here.`);
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-apt-'));
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }));
  const downloads = path.join(folder, 'download');
  for (const part of ['state/lists/partial', 'cache/archives/partial', 'download'])
    await mkdir(path.join(folder, part), { recursive: true });
  await writeFile(path.join(folder, 'state/status'), '');
  await writeFile(
    path.join(folder, 'debian.sources'),
    `Types: deb\nURIs: ${mirror}\nSuites: bookworm\nComponents: main\n` +
      `Architectures: amd64 i386\nSigned-By: ${keyring}\n`,
  );
  const configuration = path.join(folder, 'apt.conf');
  await writeFile(
    configuration,
    `Dir::State "${folder}/state";
Dir::State::status "${folder}/state/status";
Dir::Cache "${folder}/cache";
Dir::Etc::sourcelist "${folder}/debian.sources";
Dir::Etc::sourceparts "/dev/null";
APT::Architecture "amd64";
APT::Architectures { "amd64"; "i386"; };
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Retries "3";
Acquire::http::Timeout "30";
`,
  );
  const run = (tool: string, ...args: string[]): Promise<string> =>
    hostTool(tool, ['-c', configuration, '-q', ...args], { cwd: downloads });
  try {
    await run('apt-get', 'update', '-o', 'APT::Update::Error-Mode=any');
  } catch (error) {
    if (error instanceof GuestsUnavailable) throw error;
    const reason = String((error as { stderr?: string }).stderr ?? error).split('\n')[0];
    throw new GuestsUnavailable(`Debian's package lists cannot be had from ${mirror}: ${reason}`);
  }
  return { run, downloads };
}

/** A metapackage such as linux-image-amd64 stands for the versioned package it depends on. */
const versionedDependency = /^Depends: (linux-image-\S+)/m;

let running: Promise<unknown> = Promise.resolve();

/**
 * The unpacked folders of packages, in their order. Those already in the cache are used as they are,
 * whatever the archive has now, so that a checkout keeps its guests.
 */
export async function debianPackages(
  names: readonly string[],
  architecture: DebianArchitecture,
): Promise<string[]> {
  const folderOf = (name: string): string => path.join('packages', `${name}_${architecture}`);
  const isMissing = (name: string): boolean => !existsSync(path.join(guestCache, folderOf(name)));
  // Calls of one process queue up; the second finds what the first has fetched.
  const turn = running.then(async () => {
    const missing = names.filter(isMissing);
    if (missing.length > 0) await fetchPackages(missing, architecture, folderOf);
  });
  running = turn.catch(() => undefined);
  await turn;
  return names.map((name) => path.join(guestCache, folderOf(name)));
}

async function fetchPackages(
  names: readonly string[],
  architecture: DebianArchitecture,
  folderOf: (name: string) => string,
): Promise<void> {
  const { run, downloads } = await privateApt();
  for (const name of names) {
    const description = await run(
      'apt-cache',
      'show',
      '--no-all-versions',
      `${name}:${architecture}`,
    );
    const real = versionedDependency.exec(description)?.[1] ?? name;
    await run('apt-get', 'download', `${real}:${architecture}`);
    const file = (await readdir(downloads)).find((f) => f.startsWith(`${real}_`));
    if (file === undefined) throw new Error(`apt-get download left no file of ${real}.`);
    await cached(folderOf(name), async (target) => {
      const unpacked = `${target}.unpacked`;
      await mkdir(unpacked);
      await hostTool('dpkg-deb', ['-x', path.join(downloads, file), unpacked]);
      const version = /^Version: (.*)$/m.exec(description)?.[1] ?? '';
      await writeFile(path.join(unpacked, 'package'), `${real} ${version}\n`);
      await rename(unpacked, target);
    });
    await rm(path.join(downloads, file));
  }
}

/** Name and version of an unpacked package, as content keys use them. */
export const packageVersion = (folder: string): Promise<string> =>
  readFile(path.join(folder, 'package'), 'utf8');
