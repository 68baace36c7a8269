/** Debian's stock kernels: the image and those modules an initramfs needs. */
import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { debianPackages, packageVersion, type DebianArchitecture } from './debianPackages.ts';

export const kernelFlavours = ['amd64', 'cloud-amd64', '686', '686-pae'] as const;
export type KernelFlavour = (typeof kernelFlavours)[number];

export interface DebianKernel {
  readonly flavour: KernelFlavour;
  readonly architecture: DebianArchitecture;
  /** `uname -r`: 6.1.0-50-amd64 */
  readonly release: string;
  /** Package name and version, for content keys. */
  readonly version: string;
  /** Path of the bzImage. */
  readonly image: string;
  readonly modulesFolder: string;
}

export async function debianKernel(flavour: KernelFlavour): Promise<DebianKernel> {
  const architecture = flavour.startsWith('686') ? 'i386' : 'amd64';
  const [folder] = await debianPackages([`linux-image-${flavour}`], architecture);
  if (folder === undefined) throw new Error('unreachable');
  const [release] = await readdir(path.join(folder, 'lib/modules'));
  if (release === undefined) throw new Error(`${folder} holds no kernel modules.`);
  return {
    flavour,
    architecture,
    release,
    version: await packageVersion(folder),
    image: path.join(folder, 'boot', `vmlinuz-${release}`),
    modulesFolder: path.join(folder, 'lib/modules', release),
  };
}

const moduleName = (file: string): string => path.basename(file, '.ko').replaceAll('-', '_');

/**
 * Paths of the named modules and all they depend on, in the order in which they must be loaded. Names
 * that this kernel has built in or does not have are left out. (The packages hold no modules.dep,
 * which is made at installation, so the modules' own `depends=` is read.)
 */
export async function modulesInLoadOrder(
  kernel: DebianKernel,
  names: readonly string[],
): Promise<string[]> {
  const files = new Map<string, string>();
  for (const file of await readdir(kernel.modulesFolder, { recursive: true }))
    if (file.endsWith('.ko')) files.set(moduleName(file), path.join(kernel.modulesFolder, file));
  const ordered: string[] = [];
  const visit = async (name: string): Promise<void> => {
    const file = files.get(name.replaceAll('-', '_'));
    if (file === undefined || !existsSync(file) || ordered.includes(file)) return;
    const text = (await readFile(file)).toString('latin1');
    const depends = /\0depends=([^\0]*)\0/.exec(text)?.[1] ?? '';
    for (const dependency of depends.split(',')) if (dependency !== '') await visit(dependency);
    if (!ordered.includes(file)) ordered.push(file);
  };
  for (const name of names) await visit(name);
  return ordered;
}
