/** Linux ejects a CD-ROM, on IDE and on AHCI, and reads the one that is put in instead. */
import { createHash, randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { busyboxInitramfs } from '../busyboxInitramfs.ts';
import { debianKernel } from '../debianKernel.ts';
import { hostTool } from '../guestCache.ts';
import { inFolder } from './loaderMedia.ts';
import { ScreenGuest } from './screenGuest.ts';

/**
 * Names each medium by its checksum; waits for the next where the drive is empty. Left to itself Linux would close the tray
 * at the next open, over the old medium.
 */
const script = `
dmesg -n 1
echo 0 > /proc/sys/dev/cdrom/autoclose || exit 1
for drive in sr0 sr1; do
  echo "FIRST $drive $(sha256sum < /dev/$drive)"
  eject /dev/$drive || exit 1
  cat /dev/$drive > /dev/null 2>&1 || echo "EMPTY $drive"
  until cat /dev/$drive > /dev/null 2>&1; do sleep 1; done
  echo "SECOND $drive $(sha256sum < /dev/$drive) $(cat /sys/block/$drive/size) sectors"
done
`;

/** The static busybox has no "eject": CDROMEJECT (linux/cdrom.h) on the drive that is named. */
const ejectProgram = `
static long call(long n, long a, long b, long c) {
  long result;
  asm volatile("syscall" : "=a"(result) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return result;
}
void begin(long *stack) {
  /* open for reading without waiting, then ioctl. */
  long drive = call(2, stack[2], 0x800, 0);
  call(60, call(16, drive, 0x5309, 0) != 0, 0, 0);
}
asm(".globl _start\\n_start: mov %rsp, %rdi\\n call begin");
`;

async function eject(folder: string): Promise<Buffer> {
  const [source, program] = [path.join(folder, 'eject.c'), path.join(folder, 'eject')];
  await writeFile(source, ejectProgram);
  await hostTool('gcc', [
    '-O1',
    '-static',
    '-nostdlib',
    '-fno-pie',
    '-no-pie',
    '-o',
    program,
    source,
  ]);
  return readFile(program);
}

it('Linux ejects CD-ROMs and reads those that come instead', async () => {
  await inFolder(async (folder) => {
    const medium = async (name: string, sectors: number): Promise<[path: string, sum: string]> => {
      const bytes = randomBytes(2048 * sectors);
      const file = path.join(folder, name);
      await writeFile(file, bytes);
      return [file, createHash('sha256').update(bytes).digest('hex')];
    };
    const kernel = await debianKernel('amd64');
    const initrd = await busyboxInitramfs(kernel, {
      ...{ script, modules: ['ata_piix', 'ahci', 'sr_mod'], unsigned: true },
      files: { '/bin/eject': await eject(folder) },
    });
    const first = [await medium('0.iso', 300), await medium('1.iso', 300)] as const;
    const second = [await medium('2.iso', 500), await medium('3.iso', 200)] as const;
    await using guest = await ScreenGuest.start({
      memoryMiB: 256,
      boot: { kernel: kernel.image, initrd, commandLine: 'console=ttyS0 quiet tsc=reliable' },
      cdroms: [{ path: first[0][0] }, { path: first[1][0], interface: 'ahci' }],
    });
    for (const index of [0, 1] as const) {
      await guest.waitForSerial(`EMPTY sr${index}`, 400);
      expect(guest.serial.text).toContain(`FIRST sr${index} ${first[index][1]}`);
      await guest.changeMedium({ kind: 'cdrom', index }, second[index][0]);
      await guest.waitForSerial(new RegExp(`SECOND sr${index} .* sectors`), 120);
      const size = [500, 200][index]! * 4;
      expect(guest.serial.text).toContain(
        `SECOND sr${index} ${second[index][1]}  - ${size} sectors`,
      );
      guest.serial.text = '';
    }
  });
});
