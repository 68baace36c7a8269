/** Which packages there are, and what of it can be built on this machine. */
import { existsSync } from 'node:fs';
import path from 'node:path';

export type Os = 'linux' | 'win32' | 'darwin';
export type Cpu = 'x64' | 'arm64';
export interface Package {
  readonly os: Os;
  readonly cpu: Cpu;
  /** electron-builder's name of the target. */
  readonly format: string;
}

const formats: Readonly<Record<Os, readonly string[]>> = {
  linux: ['AppImage', 'deb', 'rpm', 'tar.gz'],
  win32: ['nsis', 'portable', 'zip'],
  darwin: ['dmg', 'zip'],
};

export const packages: readonly Package[] = Object.entries(formats).flatMap(([os, names]) =>
  (['x64', 'arm64'] as const).flatMap((cpu) =>
    names.map((format) => ({ os: os as Os, cpu, format })),
  ),
);

export const nameOf = ({ os, cpu, format }: Package): string => `${os}-${cpu}-${format}`;

/** What this machine has for making packages. */
export interface Workshop {
  readonly hostOs: NodeJS.Platform;
  readonly hostCpu: string;
  /** Whether electron-builder can download what it uses. */
  readonly online: boolean;
  readonly env: NodeJS.ProcessEnv;
  /** A program's file, by its name, as the shell finds it. */
  readonly find: (program: string) => string | undefined;
  /** Whether a package is in node_modules. */
  readonly hasModule: (name: string) => boolean;
  /** The folder of Electron's own distribution for the host; undefined where it is not installed. */
  readonly electron: string | undefined;
}

/** Why a package cannot be built here, with the way out, for people; undefined when it can. */
export function obstacle({ os, cpu, format }: Package, shop: Workshop): string | undefined {
  const { online, env, find } = shop;
  // koffi, the one native module, serves Linux's own calls; elsewhere it stays out of the package.
  const native = `@koromix/koffi-linux-${cpu}`;
  if (os === 'linux' && !shop.hasModule(native))
    return `the native module ${native} is not installed (npm install --no-save --force ${native})`;
  const download = (what: string): string | undefined =>
    online ? undefined : `it needs ${what}, a download that is not possible here`;
  switch (format) {
    case 'AppImage':
      return env.APPIMAGE_TOOLS_PATH ? undefined : download('the run time of AppImage');
    case 'deb':
      return find('dpkg-deb') ? undefined : download('fpm (or dpkg-deb, from the package dpkg)');
    case 'rpm':
      return find('rpmbuild') ? undefined : download('fpm (or rpmbuild, from the package rpm)');
    case 'nsis':
    case 'portable':
      return env.ELECTRON_BUILDER_NSIS_DIR && env.ELECTRON_BUILDER_NSIS_RESOURCES_DIR
        ? undefined
        : download('electron-builder’s edition of NSIS, with its plug-ins');
    case 'dmg':
      return shop.hostOs === 'darwin' ? undefined : 'disk images of macOS are made by macOS only';
    default:
      return find('7za') ? undefined : download('7za (or the package p7zip-full)');
  }
}

/** Where Electron's distribution for `os` and `cpu` comes from. */
export function electronSource(
  os: Os,
  cpu: Cpu,
  { electron, hostOs, hostCpu, online }: Workshop,
): 'installed' | 'download' | 'standIn' {
  if (electron !== undefined && os === hostOs && cpu === hostCpu) return 'installed';
  return online ? 'download' : 'standIn';
}

export function findProgram(program: string, env: NodeJS.ProcessEnv): string | undefined {
  return (env.PATH ?? '')
    .split(path.delimiter)
    .map((folder) => path.join(folder, program))
    .find((file) => existsSync(file));
}
