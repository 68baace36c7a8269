/**
 * Debian's installer, from a CD-ROM with isolinux to its first question, which arrow keys answer: in text mode, and
 * in the linear frame buffer of a VBE mode, where it looks as in QEMU.
 */
import { readFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { cached, contentKey, hostTool } from '../guestCache.ts';
import { installerIso } from './loaderMedia.ts';
import { QemuGuest } from './qemuGuest.ts';
import { formatPpm, parsePpm, type RgbPicture } from './rgbPicture.ts';
import { ScreenGuest } from './screenGuest.ts';

const memoryMiB = 1024;
/** Of the installer's font. */
const lineHeight = 16;

it('the installer asks for the language in text mode', { timeout: 900_000 }, async () => {
  await using guest = await ScreenGuest.start({
    memoryMiB,
    cdroms: [{ path: await installerIso() }],
  });
  await guest.waitFor(/boot: *$/, 60);
  await guest.type('text<ret>');
  await guest.waitFor(/Select a language[^]*English/, 600);
  await guest.type('<down><down><ret>');
  // What was chosen is asked about in its own words, or the installer goes on to the country.
  await guest.waitFor((text) => !text.includes('English ') && /\[!!?\]/.test(text), 120);
});

it('the installer asks in the frame buffer as in QEMU', { timeout: 900_000 }, async () => {
  const iso = await installerIso();
  const reference = languagePictures(iso);
  // Awaited below; a failure before must not count as one that nobody heard.
  reference.catch(() => undefined);
  await using guest = await ScreenGuest.start({ memoryMiB, cdroms: [{ path: iso }] });
  await guest.waitFor(/boot: *$/, 60);
  await guest.type('frame<ret>');
  const [asked, moved] = await reference;
  expect([asked.width, asked.height]).toEqual([800, 600]);
  expect(barOf(moved)).toBe(barOf(asked) + lineHeight);
  await guest.waitForPicture(asked, 600);
  await guest.type('<down>');
  await guest.waitForPicture(moved, 60);
});

/** QEMU's pictures of the language question, and after the arrow key down. */
async function languagePictures(iso: string): Promise<[asked: RgbPicture, moved: RgbPicture]> {
  const version = await hostTool('qemu-system-x86_64', ['--version']);
  const key = contentKey('1', version, path.basename(iso));
  const folder = await cached(`pictures/installer-${key}`, async (target) => {
    await using qemu = await QemuGuest.start([
      ...['-m', String(memoryMiB), '-vga', 'std', '-cdrom', iso],
    ]);
    const barAt = async (wanted: (y: number) => boolean): Promise<RgbPicture> => {
      let last: Uint8Array = new Uint8Array();
      for (;;) {
        const picture = await qemu.picture();
        const ppm = formatPpm(picture);
        if (wanted(barOf(picture)) && Buffer.compare(ppm, last) === 0) return picture;
        last = ppm;
        await sleep(1000);
      }
    };
    // isolinux's prompt: letters in the text mode's screen.
    await qemu.waitForText('boot:', 60);
    await qemu.press('f', 'r', 'a', 'm', 'e', 'ret');
    const asked = await barAt((y) => y > 0);
    await qemu.press('down');
    const moved = await barAt((y) => y > barOf(asked));
    await mkdir(target);
    await writeFile(path.join(target, 'asked.ppm'), formatPpm(asked));
    await writeFile(path.join(target, 'moved.ppm'), formatPpm(moved));
  });
  const read = async (name: string): Promise<RgbPicture> => {
    const picture = parsePpm(await readFile(path.join(folder, name)));
    if (picture === undefined) throw new Error(`${name} is not whole`);
    return picture;
  };
  return [await read('asked.ppm'), await read('moved.ppm')];
}

/** The first line of the red bar behind the chosen language; -1 if there is none. */
function barOf({ width, height, rgb }: RgbPicture): number {
  for (let y = 0; y < height; y++) {
    let red = 0;
    for (let at = 3 * y * width; at < 3 * (y + 1) * width; at += 3)
      if ((rgb[at] as number) > 150 && rgb[at + 1] === 0 && rgb[at + 2] === 0) red++;
    if (red > width / 4) return y;
  }
  return -1;
}
