/**
 * Command line of the guest cache. Prints paths, one a line:
 *   node test/guests/main.ts prepare [FLAVOUR…]        kernel and shell initramfs of each (default: all)
 *   node test/guests/main.ts kernel FLAVOUR            the bzImage
 *   node test/guests/main.ts initramfs FLAVOUR [FILE]  shell, or the script FILE and then power-off
 *   node test/guests/main.ts disk TARGET SIZE_MIB      an empty ext4 image
 * FLAVOUR: amd64, cloud-amd64, 686, 686-pae
 */
import { readFile } from 'node:fs/promises';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel, kernelFlavours, type KernelFlavour } from './debianKernel.ts';
import { makeExt4Disk } from './ext4Disk.ts';
import { GuestsUnavailable } from './guestCache.ts';

const flavourOf = (name: string | undefined): KernelFlavour => {
  const flavour = kernelFlavours.find((known) => known === name);
  if (flavour === undefined)
    throw new GuestsUnavailable(`Unknown kernel "${name}": choose ${kernelFlavours.join(', ')}.`);
  return flavour;
};

async function main([command, ...rest]: readonly string[]): Promise<void> {
  switch (command) {
    case 'prepare':
      for (const name of rest.length > 0 ? rest : kernelFlavours) {
        const kernel = await debianKernel(flavourOf(name));
        console.log(`${kernel.image}\n${await busyboxInitramfs(kernel)}`);
      }
      return;
    case 'kernel':
      console.log((await debianKernel(flavourOf(rest[0]))).image);
      return;
    case 'initramfs': {
      const script = rest[1] === undefined ? undefined : await readFile(rest[1], 'utf8');
      const kernel = await debianKernel(flavourOf(rest[0]));
      console.log(await busyboxInitramfs(kernel, script === undefined ? {} : { script }));
      return;
    }
    case 'disk':
      if (rest[0] === undefined || !(Number(rest[1]) > 0)) break;
      await makeExt4Disk(rest[0], { sizeMiB: Number(rest[1]) });
      console.log(rest[0]);
      return;
  }
  throw new GuestsUnavailable('Use: prepare | kernel | initramfs | disk (see the top of main.ts).');
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  if (!(error instanceof GuestsUnavailable)) throw error;
  console.error(error.message);
  process.exitCode = 69;
}
