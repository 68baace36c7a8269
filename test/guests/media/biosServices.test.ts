/**
 * A boot program calls the BIOS's services and tells what it got. The lines are those of SeaBIOS in QEMU but where
 * machines differ (memory map, printers) or the interface leaves it open.
 */
import { readFile, truncate } from 'node:fs/promises';
import path from 'node:path';
import { expect, it } from 'vitest';
import { hostTool } from '../guestCache.ts';
import { inFolder } from './loaderMedia.ts';
import { ScreenGuest } from './screenGuest.ts';

const expected = `14h 00h: 60b0
14h 03h: 60b0
14h 02h: 8000
14h 03h COM4: 8041
17h 02h: 8000
11h: 0227
12h: 027f
13h 08h 80: 0000 003f 0f01 0040
13h 08h 00: 0000 0004 4f12 0101 0040
13h 15h 80: 0300 0000 03f0 0040
13h 15h 00: 0100 0040
13h 15h 85: 0000 0040
13h 41h: 3000 aa55 0005 0040
13h 42h: 0000 05ea 0040
13h 42h behind the end: 0100 0041
13h 48h: 0000 03f0 0200 0040
13h 02h no such sector: 0400 0041
13h 01h: 0400 0041
13h 03h 00: 0001 0040
13h 02h 00: 0001 beef 0040
15h e820h: 0000 0009 0001
15h e820h: 0009 0000 0002
15h e820h: 000e 0002 0002
15h e820h: 0010 03f0 0001
15h e801h: 3c00 0300 3c00 0300 0040
15h 88h: fc00 0040
15h c0h: 0000 00fc 0040
15h 2402h: 0001 0040
15h 86h: 0040
15h 87h out: 0000 0040
15h 87h in: 0000 cafe 0040
16h 01h: 0040
16h 05h: 0500
16h 00h: 1e61
1ah 00h ticks:
1ah 04h: 20.. 0040
1ah b101h: 0001 0210 4350 0040
1ah b102h: 0002 0000 0040
1ah b109h: 8086 0040
10h 0fh: 5003
10h 4f00h: 004f 4556 0300
10h 4f01h 118h: 004f 0400 0300 e000
10h 4f02h: 004f
10h 4f03h: 004f 4118
10h 4f15h: 004f ff00
RSD  0001
_SM_ 0001
$PIR 0001
_MP_ 0001
15h 5300h: 0102 504d 0003 0040
15h 5301h: 0040
15h 530eh: 0102 0040
`;

it('a boot program gets from the BIOS what it should, and powers off by APM', async () => {
  await inFolder(async (folder) => {
    const file = (name: string): string => path.join(folder, name);
    await hostTool('gcc', [
      ...['-m32', '-c', '-x', 'assembler-with-cpp', '-o', file('program.o')],
      path.join(import.meta.dirname, 'biosServices.S'),
    ]);
    await hostTool('ld', [
      ...['-m', 'elf_i386', '-Ttext', '0x7c00', '--oformat', 'binary', '-e', '_start'],
      ...['-o', file('disk.img'), file('program.o')],
    ]);
    // The size that the partition table in it tells: one cylinder of 16 heads and 63 sectors.
    await truncate(file('disk.img'), 1008 * 512);
    await hostTool('truncate', ['-s', String(2880 * 512), file('floppy.img')]);
    await using guest = await ScreenGuest.start({
      memoryMiB: 64,
      boot: { order: 'c' },
      disks: [{ path: file('disk.img'), interface: 'ide' }],
      floppies: [{ path: file('floppy.img') }],
    });
    expect(await guest.waitForEnd(60)).toEqual({ kind: 'powerOff' });
    const lines = guest.serial.text.replaceAll('\r', '').replace(/^(1ah 04h: 20)../m, '$1..');
    expect(lines).toBe(expected);
    // Cylinder 3, head 1, sector 5.
    const floppy = await readFile(file('floppy.img'));
    expect(floppy.readUInt16LE(((3 * 2 + 1) * 18 + 4) * 512)).toBe(0xbeef);
  });
});
