/**
 * Debian's kernels on a VBE mode that their boot loader has set (`vga=`, vesafb), and on the drivers of both
 * graphics cards: the screen shows, to the pixel, what the guest reads in its frame buffer.
 */
import { createHash } from 'node:crypto';
import { copyFile, readFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from 'vitest';
import { busyboxInitramfs } from '../busyboxInitramfs.ts';
import { debianKernel, modulesInLoadOrder, type KernelFlavour } from '../debianKernel.ts';
import { cached, contentKey } from '../guestCache.ts';
import { inFolder, isolinuxFolder, isolinuxBoot, makeIso } from '../media/loaderMedia.ts';
import type { RgbPicture } from '../media/rgbPicture.ts';
import { ScreenGuest } from '../media/screenGuest.ts';

/** Lines of the frame buffer that are filled with bytes 0, 1, 2, … by the guest. */
const patternLines = 64;
const longestLine = 8192;
const pattern = Uint8Array.from(
  { length: patternLines * longestLine },
  (_, i) => (i * 7 + (i >> 8)) & 0xff,
);

/** Shows text and the pattern, tells what the frame buffer then holds, and waits for the test. */
const script = (modules: readonly string[]): string => `
dmesg -n 1
show() {
  name=$(cat /sys/class/graphics/fb0/name)
  size=$(cat /sys/class/graphics/fb0/virtual_size)
  bits=$(cat /sys/class/graphics/fb0/bits_per_pixel)
  stride=$(cat /sys/class/graphics/fb0/stride)
  lines=\${size#*,}
  printf '\\033[?25l\\033[2J\\033[H' > /dev/tty1
  ls -R /sys/class > /dev/tty1
  for color in 1 2 3 4 5 6 7; do
    printf "\\033[3\${color}mThe quick brown fox jumps over the lazy dog $name $size\\n" > /dev/tty1
  done
  # Only vesafb shows what is written to the device (QEMU's screen says the same); DRM has the text.
  [ "$name" = "VESA VGA" ] && dd if=/pattern of=/dev/fb0 bs=$stride count=${patternLines} seek=256 2>/dev/null
  sleep 1
  sum=$(dd if=/dev/fb0 bs=$stride count=$lines 2>/dev/null | md5sum | cut -c1-32)
  echo "SCREEN $name|$size|$bits|$stride|$sum|"
  read go
}
show
${modules.map((module) => `insmod /modules/${module}`).join('\n')}
sleep 1
show
modes=/sys/class/drm/card0-*/modes
head -n 1 $modes | sed 's/^/MODE /'
# The driver tells programs by an event; what they then do is to ask again.
echo 'echo detect > /sys/class/drm/card0-Virtual-1/status; echo HOTPLUG $HOTPLUG $(head -n 1 '$modes')' > /asked
echo LISTENING
uevent sh /asked
`;

/** A CD-ROM with kernel and initramfs; the modules are there, but not loaded before the script does. */
async function consoleIso(flavour: KernelFlavour, driver: string, vga: string): Promise<string> {
  const kernel = await debianKernel(flavour);
  const modules = await modulesInLoadOrder(
    kernel,
    driver === 'bochs' ? [driver] : ['virtio_pci', driver],
  );
  const files = Object.fromEntries(
    await Promise.all(
      modules.map(
        async (file) => [`/modules/${path.basename(file)}`, await readFile(file)] as const,
      ),
    ),
  );
  const initramfs = await busyboxInitramfs(kernel, {
    modules: [],
    files: { ...files, '/pattern': pattern },
    script: script(modules.map((file) => path.basename(file))),
  });
  const config = `DEFAULT linux
LABEL linux
  KERNEL /linux
  APPEND initrd=/initrd vga=${vga} console=tty0 console=ttyS0 quiet tsc=reliable
`;
  const key = contentKey('1', config, kernel.version, path.basename(initramfs));
  return cached(`media/console-${key}.iso`, (image) =>
    inFolder(async (folder) => {
      await isolinuxFolder(folder, config);
      await copyFile(kernel.image, path.join(folder, 'linux'));
      await copyFile(initramfs, path.join(folder, 'initrd'));
      await makeIso(image, folder, ...isolinuxBoot);
    }),
  );
}

interface FrameBuffer {
  readonly name: string;
  readonly size: readonly [width: number, height: number];
  readonly bits: number;
  readonly stride: number;
  readonly sum: string;
}

function parse(line: string): FrameBuffer {
  const [name = '', size = '', bits = '', stride = '', sum = ''] = line
    .slice(line.indexOf(' ') + 1)
    .split('|');
  const [width = 0, height = 0] = size.split(',').map(Number);
  return { name, size: [width, height], bits: Number(bits), stride: Number(stride), sum };
}

/** The picture as a frame buffer of red, green and blue 5:6:5 or 8:8:8 would hold it. */
function asFrameBuffer({ width, height, rgb }: RgbPicture, { bits, stride }: FrameBuffer): Buffer {
  const bytes = Buffer.alloc(stride * height);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++) {
      const at = 3 * (y * width + x);
      const [red = 0, green = 0, blue = 0] = rgb.subarray(at, at + 3);
      const target = y * stride + x * (bits / 8);
      if (bits === 16)
        bytes.writeUInt16LE(((red >> 3) << 11) | ((green >> 2) << 5) | (blue >> 3), target);
      else bytes.set([blue, green, red], target);
    }
  return bytes;
}

/** The pattern is in `bytes`, but for the fourth byte of a pixel, which is not shown: it is put there. */
function checkPattern(bytes: Buffer, { name, bits, stride }: FrameBuffer): void {
  const start = 256 * stride;
  const shown = bytes.subarray(start, start + patternLines * stride);
  if (bits === 32) for (let i = 3; i < shown.length; i += 4) shown[i] = pattern[i] as number;
  const wrong = shown.findIndex((byte, i) => byte !== pattern[i]);
  const what = `${name}, byte ${wrong}: ${shown.subarray(wrong, wrong + 8).join()}`;
  expect(wrong, `the pattern is shown by ${what}`).toBe(-1);
}

async function checkScreen(guest: ScreenGuest, seconds: number): Promise<FrameBuffer> {
  const text = await guest.waitForSerial(/SCREEN .*\|\r?\n/, seconds);
  const told = parse(/SCREEN (.*)\|/.exec(text)?.[0] ?? '');
  guest.serial.text = '';
  const picture = guest.picture();
  expect([picture.width, picture.height]).toEqual([...told.size]);
  const bytes = asFrameBuffer(picture, told);
  if (told.name === 'VESA VGA') checkPattern(bytes, told);
  expect(createHash('md5').update(bytes).digest('hex'), 'all of the frame buffer is shown').toBe(
    told.sum,
  );
  guest.serial.receive(Buffer.from('\n'));
  return told;
}

it.each([
  ['amd64', 'std', 'bochs', '791', [1024, 768, 16], 'bochs-drmdrmfb'],
  ['686', 'std', 'bochs', '0x343', [800, 600, 32], 'bochs-drmdrmfb'],
  ['686', 'virtio', 'virtio_gpu', '0x344', [1024, 768, 32], 'virtio_gpudrmfb'],
  ['amd64', 'virtio', 'virtio_gpu', '791', [1024, 768, 16], 'virtio_gpudrmfb'],
] as const)(
  '%s draws on the %s card by vesafb and by %s',
  async (flavour, card, driver, vga, [width, height, bits], name) => {
    await using guest = await ScreenGuest.start({
      memoryMiB: 256,
      cdroms: [{ path: await consoleIso(flavour, driver, vga) }],
      display: { card },
    });
    const vesa = await checkScreen(guest, 400);
    expect(vesa).toMatchObject({ name: 'VESA VGA', size: [width, height], bits });
    const native = await checkScreen(guest, 200);
    expect(native).toMatchObject({ name, size: [1024, 768], bits: 32 });
    await guest.waitForSerial(/MODE 1024x768\s+LISTENING/, 60);
    if (card !== 'virtio') return;
    await sleep(1000);
    guest.machine.display?.setPreferredSize?.(1288, 733);
    await guest.waitForSerial(/HOTPLUG 1 1288x733/, 60);
  },
);
