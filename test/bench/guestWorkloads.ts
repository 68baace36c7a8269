/** What the guests of the bench do: boot only, or boot and run shell commands between markers. */
import { busyboxInitramfs } from '../guests/busyboxInitramfs.ts';
import { debianKernel, type KernelFlavour } from '../guests/debianKernel.ts';
import type { LinuxGuest } from './guestContenders.ts';

/** Row → command for busybox's shell. /bin/busybox by name, so that the shell forks and executes. */
export const shellRows: Readonly<Record<string, string>> = {
  loop: 'i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done',
  sha256: 'sha256sum /tmp/data >/dev/null',
  md5: 'md5sum /tmp/data >/dev/null',
  gzip: 'gzip -c /tmp/text | gunzip >/tmp/copy; cmp /tmp/text /tmp/copy',
  awk: "awk 'BEGIN { for (i = 0; i < 200000; i++) s += i % 7; print s }' >/dev/null",
  fork: 'i=0; while [ $i -lt 300 ]; do /bin/busybox true; i=$((i+1)); done',
  sort: 'sort /tmp/lines >/dev/null',
};

/** The files of the rows, the same in every guest: 16 MiB, 2.6 MiB of digits, 100 000 lines in no order. */
const setUp = `
awk 'BEGIN { for (x = 1; n < 100000; n++) { x = (x * 69621) % 2147483647; print x } }' >/tmp/lines
i=0; while [ $i -lt 18 ]; do cat /tmp/lines; i=$((i+1)); done | head -c 16777216 >/tmp/data
seq 1 400000 >/tmp/text
`;

const shellScript = `stty -onlcr 2>/dev/null
${setUp}
${Object.entries(shellRows)
  .map(([row, command]) => `echo "ROW ${row} S"; ${command}; echo "ROW ${row} E"`)
  .join('\n')}
`;

async function linux(
  flavour: KernelFlavour,
  script: string,
  commandLine: string,
): Promise<LinuxGuest> {
  const kernel = await debianKernel(flavour);
  return {
    bits: flavour.startsWith('686') ? 32 : 64,
    kernel: kernel.image,
    initrd: await busyboxInitramfs(kernel, { script, modules: [] }),
    commandLine,
    memoryMiB: 512,
  };
}

/** Debian's cloud kernel, its messages on the serial port, busybox, power-off. */
export const bootGuest = (): Promise<LinuxGuest> =>
  linux('cloud-amd64', 'uname -a\n', 'console=ttyS0');

export const shellGuest = (flavour: KernelFlavour): Promise<LinuxGuest> =>
  linux(flavour, shellScript, 'console=ttyS0 quiet');
