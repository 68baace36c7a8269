import { build, Arch, Platform, type Configuration } from 'electron-builder';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { packaging } from '../../electron.config.ts';
import { electronSource, nameOf, obstacle, type Os, type Package, type Workshop } from './plan.ts';
import { writeStandIn } from './standInElectron.ts';

export interface Outcome {
  /** Its files. */
  readonly built: readonly string[];
  /** With its name, why it is not built. */
  readonly left: readonly (readonly [name: string, why: string])[];
  /** Whether a stand-in took Electron's place in what was built. */
  readonly standIn: boolean;
}

const root = path.resolve(import.meta.dirname, '../..');
const platforms: Readonly<Record<Os, Platform>> = {
  linux: Platform.LINUX,
  win32: Platform.WINDOWS,
  darwin: Platform.MAC,
};

/**
 * Builds what of `wanted` can be built here into `output`, by electron-builder. A package that must do without Electron
 * goes into the folder without-electron, and says so in its name.
 */
export async function buildPackages(
  wanted: readonly Package[],
  shop: Workshop,
  output: string,
  quick = false,
): Promise<Outcome> {
  const left: [string, string][] = [];
  const built: string[] = [];
  let standIn = false;
  const machines = new Map<string, Package[]>();
  for (const one of wanted) {
    const why = obstacle(one, shop);
    if (why !== undefined) left.push([nameOf(one), why]);
    else
      machines.set(`${one.os}-${one.cpu}`, [...(machines.get(`${one.os}-${one.cpu}`) ?? []), one]);
  }
  useOwnTools(shop, quick);
  const work = mkdtempSync(path.join(tmpdir(), 'guesthouse-electron-'));
  try {
    for (const group of machines.values()) {
      const { os, cpu } = group[0]!;
      const source = electronSource(os, cpu, shop);
      if (source === 'standIn') {
        standIn = true;
        writeStandIn(path.join(work, os), os);
      }
      try {
        built.push(
          ...(await build({
            projectDir: root,
            publish: 'never',
            targets: platforms[os].createTarget(
              group.map(({ format }) => format),
              Arch[cpu],
            ),
            config: configuration(
              os,
              source === 'installed'
                ? shop.electron
                : source === 'standIn'
                  ? path.join(work, os)
                  : undefined,
              source === 'standIn' ? path.join(output, 'without-electron') : output,
              source === 'standIn',
              quick,
            ),
          })),
        );
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        left.push(...group.map((one) => [nameOf(one), why] as [string, string]));
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return { built: built.filter((file) => !file.endsWith('.blockmap')), left, standIn };
}

function configuration(
  os: Os,
  electronDist: string | undefined,
  output: string,
  standIn: boolean,
  quick: boolean,
): Configuration {
  mkdirSync(output, { recursive: true });
  const files = [packaging.files ?? []].flat();
  return {
    ...packaging,
    files: os === 'linux' ? files : [...files, '!**/node_modules/{koffi,@koromix}/**'],
    directories: { ...packaging.directories, output },
    ...(electronDist === undefined ? {} : { electronDist }),
    ...(quick ? { compression: 'store' as const } : {}),
    ...(standIn
      ? { artifactName: '${name}-${version}-without-electron-${os}-${arch}.${ext}' }
      : {}),
    // Nothing is signed without the publisher's keys; macOS then asks before the first start.
    mac: { ...packaging.mac, ...(process.env.CSC_LINK ? {} : { identity: null }) },
  };
}

/** Programs of the system in the place of electron-builder's downloads. */
function useOwnTools({ find, env, online }: Workshop, quick: boolean): void {
  const archiver = find('7za');
  if (archiver) env.ELECTRON_BUILDER_7ZIP_PATH ??= archiver;
  if (!online || (find('dpkg-deb') && find('rpmbuild')))
    env.CUSTOM_FPM_PATH ??= path.join(import.meta.dirname, 'fpm.ts');
  if (!online) env.ELECTRON_BUILDER_OFFLINE ??= 'true';
  if (quick) env.GUESTHOUSE_QUICK_PACKAGE = '1';
}
