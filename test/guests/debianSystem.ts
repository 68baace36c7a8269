/** The Debian system of media/debianDisk.ts, booted by `guesthouse run` with its own kernel and driven through its serial console. */
import { constants, existsSync } from 'node:fs';
import { copyFile, mkdtemp, rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { shellPrompt } from './busyboxInitramfs.ts';
import { cached, hostTool } from './guestCache.ts';
import { GuestConsole } from './guestConsole.ts';
import { debianDisk, partitionStart } from './media/debianDisk.ts';

/** Kernel and initramfs out of the disk, so that the console can be put on the serial port. */
async function bootFiles(disk: string): Promise<{ kernel: string; initrd: string }> {
  const folder = await cached(
    `${path.relative(path.dirname(path.dirname(disk)), disk)}.boot`,
    async (target) => {
      const fileSystem = `${disk}?offset=${partitionStart}`;
      const debugfs = (request: string): Promise<string> =>
        hostTool('/sbin/debugfs', ['-R', request, fileSystem]);
      const release = /vmlinuz-([^/]+)/.exec(await debugfs('ls -p /boot'))?.[1] ?? '';
      await hostTool('mkdir', ['-p', target]);
      await debugfs(`dump /boot/vmlinuz-${release} ${target}/vmlinuz`);
      await debugfs(`dump /boot/initrd.img-${release} ${target}/initrd`);
      if (!existsSync(path.join(target, 'initrd'))) throw new Error(`${disk} has no initramfs`);
    },
  );
  return { kernel: path.join(folder, 'vmlinuz'), initrd: path.join(folder, 'initrd') };
}

/** A copy of the disk, which stays from one boot to the next. */
export class DebianSystem implements AsyncDisposable {
  readonly #folder: string;
  readonly #boot: { readonly kernel: string; readonly initrd: string };

  private constructor(folder: string, boot: { kernel: string; initrd: string }) {
    this.#folder = folder;
    this.#boot = boot;
  }

  static async create(): Promise<DebianSystem> {
    const master = await debianDisk();
    const boot = await bootFiles(master);
    const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-system-'));
    await copyFile(master, path.join(folder, 'disk.img'), constants.COPYFILE_FICLONE);
    return new DebianSystem(folder, boot);
  }

  /** Boots it, and logs root in. */
  async start(args: readonly string[]): Promise<GuestConsole> {
    const { kernel, initrd } = this.#boot;
    const guest = new GuestConsole([
      ...['--kernel', kernel, '--initrd', initrd, '--disk', path.join(this.#folder, 'disk.img')],
      ...[
        '--append',
        'root=/dev/vda1 rw console=ttyS0 quiet systemd.wants=console-getty.service systemd.mask=serial-getty@ttyS0.service',
        ...args,
      ],
    ]);
    try {
      await guest.waitFor(/guest login: /, 900);
      guest.type('root\n');
      await guest.waitFor(/root@guest:~# /, 120);
      guest.type(`PS1='${shellPrompt}'\n`);
      await guest.waitFor(/\nguest# /, 60);
      await guest.run('stty cols 1000; bind "set enable-bracketed-paste off"');
      return guest;
    } catch (error) {
      await guest[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}
