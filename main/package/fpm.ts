#!/usr/bin/env node
/**
 * electron-builder has deb and rpm packages made by fpm, which is a download of its own. This takes the arguments that it
 * gives fpm, and has the system's own dpkg-deb and rpmbuild make the packages. Arguments: fpm 1.17, source "dir".
 */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  chmodSync,
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** What electron-builder told fpm. */
export interface FpmRequest {
  readonly target: 'deb' | 'rpm';
  readonly options: Readonly<Record<string, string>>;
  readonly depends: readonly string[];
  readonly recommends: readonly string[];
  /** A file or a folder's content (with a slash at its end) → where it is installed. */
  readonly files: readonly (readonly [from: string, to: string])[];
}

export function parseFpm(args: readonly string[]): FpmRequest {
  const options: Record<string, string> = {};
  const depends: string[] = [];
  const recommends: string[] = [];
  const files: [string, string][] = [];
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (!arg.startsWith('-')) {
      const split = arg.lastIndexOf('=');
      files.push([arg.slice(0, split), arg.slice(split + 1)]);
    } else if (arg === '--force' || arg === '--debug') continue;
    else {
      const value = args[++at] ?? '';
      if (arg === '-d' || arg === '--depends') depends.push(value);
      else if (arg === '--deb-recommends') recommends.push(value);
      else options[arg.replace(/^--?/, '')] = value;
    }
  }
  const target = options.t;
  if (target !== 'deb' && target !== 'rpm') throw new Error(`No package of type ${target} here.`);
  return { target, options, depends, recommends, files };
}

function run(command: string, args: string[]): void {
  const { status, stderr, stdout, error } = spawnSync(command, args, { encoding: 'utf8' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} failed: ${stderr || stdout}`);
}

/** Everything below `folder`: folders end in a slash. */
function walk(folder: string, prefix = ''): string[] {
  return readdirSync(path.join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = `${prefix}/${entry.name}`;
    return entry.isDirectory() ? [`${name}/`, ...walk(folder, name)] : [name];
  });
}

function stage({ files }: FpmRequest, folder: string): void {
  for (const [from, to] of files) {
    mkdirSync(path.dirname(path.join(folder, to)), { recursive: true });
    cpSync(from, path.join(folder, to), { recursive: true, verbatimSymlinks: true });
  }
  for (const name of ['/', ...walk(folder)]) {
    const file = path.join(folder, name);
    const { mode } = lstatSync(file);
    if (!lstatSync(file).isSymbolicLink())
      chmodSync(file, name.endsWith('/') || (mode & 0o100) !== 0 ? 0o755 : 0o644);
  }
}

function makeDeb(request: FpmRequest, work: string): void {
  const { options, depends, recommends } = request;
  const tree = path.join(work, 'tree');
  stage(request, tree);
  const files = walk(tree).filter((name) => !name.endsWith('/'));
  const kib = Math.ceil(
    files.reduce((sum, name) => sum + lstatSync(path.join(tree, name)).size, 0) / 1024,
  );
  const control: Record<string, string | undefined> = {
    Package: options.name,
    Version: options.version,
    Architecture: options.architecture,
    Maintainer: options.maintainer,
    'Installed-Size': String(kib),
    Depends: depends.join(', '),
    Recommends: recommends.join(', '),
    Section: options.category,
    Priority: options['deb-priority'],
    Homepage: options.url,
    // A line that begins with a blank goes on.
    Description: options.description?.trim(),
  };
  const debian = path.join(tree, 'DEBIAN');
  mkdirSync(debian);
  writeFileSync(
    path.join(debian, 'control'),
    Object.entries(control)
      .filter(([, value]) => value)
      .map(([name, value]) => `${name}: ${value}\n`)
      .join(''),
  );
  writeFileSync(
    path.join(debian, 'md5sums'),
    files
      .filter((name) => !lstatSync(path.join(tree, name)).isSymbolicLink())
      .map((name) => {
        const sum = createHash('md5').update(readFileSync(path.join(tree, name)));
        return `${sum.digest('hex')}  ${name.slice(1)}\n`;
      })
      .join(''),
  );
  for (const [option, name] of [
    ['after-install', 'postinst'],
    ['after-remove', 'postrm'],
  ] as const)
    writeFileSync(path.join(debian, name), readFileSync(options[option]!), { mode: 0o755 });
  const level = process.env.GUESTHOUSE_QUICK_PACKAGE ? ['-Zgzip', '-z1'] : ['-Zxz'];
  run('dpkg-deb', ['--root-owner-group', ...level, '--build', tree, options.package!]);
}

function makeRpm(request: FpmRequest, work: string): void {
  const { options, depends } = request;
  const tree = path.join(work, 'tree');
  stage(request, tree);
  const listed = walk(tree)
    // Folders of the system belong to others.
    .filter((name) => !name.endsWith('/') || name.startsWith('/opt/'))
    .filter((name) => name !== '/opt/')
    .map((name) => `${name.endsWith('/') ? '%dir ' : ''}"${name.replace(/\/$/, '')}"`);
  const section = (name: string, option: string): string =>
    `%${name}\n${readFileSync(options[option]!, 'utf8').replace(/^#!.*\n/, '')}\n`;
  const spec = path.join(work, 'package.spec');
  writeFileSync(
    spec,
    `Name: ${options.name}
Version: ${options.version}
Release: ${options.iteration ?? '1'}
Summary: ${options['rpm-summary'] ?? options.description}
License: ${options.license}
Group: ${options.category}
URL: ${options.url}
Vendor: ${options.vendor}
Packager: ${options.maintainer}
AutoReqProv: no
${depends.map((name) => `Requires: ${name}\n`).join('')}
%description
${options.description}

${section('post', 'after-install')}${section('postun', 'after-remove')}%files
%defattr(-, root, root, -)
${listed.join('\n')}
`,
  );
  run('rpmbuild', [
    ...['-bb', '--quiet', '--buildroot', tree, '--target', options.architecture!],
    ...['--define', `_topdir ${work}`, '--define', `_rpmdir ${work}/rpms`],
    ...['--define', '_rpmfilename package.rpm', '--define', '_build_id_links none'],
    // The files are as they shall be: nothing is stripped or compressed again.
    ...['--define', '__os_install_post %{nil}'],
    ...[
      '--define',
      `_binary_payload ${process.env.GUESTHOUSE_QUICK_PACKAGE ? 'w1.gzdio' : 'w6.xzdio'}`,
    ],
    spec,
  ]);
  cpSync(path.join(work, 'rpms/package.rpm'), options.package!);
}

export function makePackage(request: FpmRequest): void {
  const work = mkdtempSync(path.join(tmpdir(), 'guesthouse-package-'));
  try {
    if (request.target === 'deb') makeDeb(request, work);
    else makeRpm(request, work);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (import.meta.main) makePackage(parseFpm(process.argv.slice(2)));
