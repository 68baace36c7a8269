/** INT 19h and 18h: the start screen, the boot menu, one drive after the other, and why none could be booted. */
import type { BiosContext, ServiceResult } from './biosContext.ts';
import type { BootDrive } from './biosMachine.ts';
import type { CallFrame } from './callFrame.ts';
import type { Disk, Disks } from './disks.ts';
import { discBoot, NotBootable } from './elTorito.ts';
import type { Keyboard } from './keyboard.ts';
import type { Video } from './video.ts';

const F12 = 0x86;
/** How long `--boot …,menu` waits for F12. */
const promptNs = 3e9;
const loadAddress = 0x7c00;
const bright = 0x0f;

type Phase = 'start' | 'prompt' | 'menu' | 'try' | 'failed';

export class Boot {
  readonly #context: BiosContext;
  readonly #video: Video;
  readonly #keyboard: Keyboard;
  readonly #disks: Disks;
  #phase: Phase = 'start';
  #deadlineNs = 0;
  /** Indices of the drives that are still to be tried. */
  #queue: number[] = [];
  /** Index of the drive that was booted, or -1. */
  #booted = -1;

  constructor(context: BiosContext, video: Video, keyboard: Keyboard, disks: Disks) {
    this.#context = context;
    this.#video = video;
    this.#keyboard = keyboard;
    this.#disks = disks;
  }

  reset(): void {
    this.#phase = 'start';
    this.#queue = [];
    this.#deadlineNs = 0;
    this.#booted = -1;
  }

  save() {
    return {
      phase: this.#phase as string,
      deadlineNs: this.#deadlineNs,
      queue: [...this.#queue],
      booted: this.#booted,
    };
  }

  load(saved: ReturnType<Boot['save']>): void {
    this.#phase = saved.phase as Phase;
    this.#deadlineNs = saved.deadlineNs;
    this.#queue = [...saved.queue];
    this.#booted = saved.booted;
  }

  /** INT 18h: what was booted gives up; the next drive's turn. */
  failed(frame: CallFrame): ServiceResult {
    if (this.#phase === 'start') {
      const drive = this.#context.parts.drives[this.#booted];
      this.#video.print(`\r\n${drive ? title(drive) : 'Boot'}: the boot program gave up.\r\n`);
      this.#phase = 'try';
      this.#disks.reset();
    }
    return this.start(frame);
  }

  /** INT 19h. Called again at every poll until something has been booted. */
  start(frame: CallFrame): ServiceResult {
    switch (this.#phase) {
      case 'start':
        this.#banner();
        this.#queue = this.#inOrder();
        this.#phase = 'prompt';
        this.#deadlineNs = this.#context.parts.bootMenu
          ? this.#context.parts.clock.nowNs() + promptNs
          : 0;
        return this.start(frame);
      case 'prompt':
        return this.#prompt(frame);
      case 'menu':
        return this.#menu(frame);
      case 'try':
        return this.#try(frame);
      case 'failed':
        if (this.#keyboard.take() === undefined) return 'wait';
        this.#phase = 'start';
        this.#disks.reset();
        this.#video.setMode(0x03);
        return this.start(frame);
    }
  }

  #banner(): void {
    const { ramSize, bootMenu } = this.#context.parts;
    this.#video.print('Guesthouse', bright);
    this.#video.print(` BIOS, ${Math.floor(ramSize / 0x100000)} MiB of memory`);
    this.#video.print(bootMenu ? '; F12: boot menu\r\n\r\n' : '\r\n\r\n');
  }

  #inOrder(): number[] {
    const { drives, bootOrder } = this.#context.parts;
    return bootOrder.flatMap((kind) => [...drives.keys()].filter((i) => drives[i]?.kind === kind));
  }

  #prompt(frame: CallFrame): ServiceResult {
    const { clock } = this.#context.parts;
    const key = this.#keyboard.peek();
    if (key !== undefined && key >>> 8 === F12) {
      this.#keyboard.take();
      this.#phase = 'menu';
      this.#video.print('Boot from:\r\n');
      this.#context.parts.drives.forEach((drive, i) => {
        this.#video.print(`  ${i + 1}  ${title(drive)}\r\n`);
      });
      return this.#menu(frame);
    }
    if (clock.nowNs() < this.#deadlineNs) {
      if (key !== undefined) this.#keyboard.take();
      this.#context.wakeAt(this.#deadlineNs);
      return 'wait';
    }
    this.#phase = 'try';
    return this.#try(frame);
  }

  #menu(frame: CallFrame): ServiceResult {
    for (;;) {
      const key = this.#keyboard.take();
      if (key === undefined) return 'wait';
      const choice = (key & 0xff) - 0x31;
      // Escape, or Enter: the usual order.
      if ((key & 0xff) !== 0x1b && (key & 0xff) !== 0x0d) {
        if (this.#context.parts.drives[choice] === undefined) continue;
        this.#queue = [choice, ...this.#inOrder().filter((i) => i !== choice)];
      }
      this.#video.print('\r\n');
      this.#phase = 'try';
      return this.#try(frame);
    }
  }

  async #try(frame: CallFrame): Promise<'done' | 'wait'> {
    await this.#disks.readGeometries();
    for (let index = this.#queue[0]; index !== undefined; index = this.#queue[0]) {
      const disk = this.#disks.at(index);
      if (disk !== undefined) {
        const reason = await this.#load(disk, frame);
        // Only a drive that could be looked at is done with: after a host failure it is its turn again.
        this.#queue.shift();
        if (reason === undefined) {
          this.#phase = 'start';
          this.#booted = index;
          return 'done';
        }
        this.#video.print(`${title(disk.drive)}: ${reason}.\r\n`);
      } else this.#queue.shift();
    }
    this.#phase = 'failed';
    const none = this.#context.parts.drives.length === 0;
    this.#video.print(
      none ? 'There is no drive to boot from.\r\n' : '\r\nNothing could be booted.\r\n',
      bright,
    );
    this.#video.print('Insert or choose another medium, then press a key to try again.\r\n');
    return 'wait';
  }

  /** Loads and enters a boot program; else says why not. */
  async #load(disk: Disk, frame: CallFrame): Promise<string | undefined> {
    if (!disk.present) return 'the drive is empty';
    try {
      if (disk.kind === 'cdrom') await this.#loadDisc(disk, frame);
      else await this.#loadSector(disk, frame);
      return undefined;
    } catch (error) {
      if (error instanceof NotBootable) return error.message;
      throw error;
    }
  }

  async #loadSector(disk: Disk, frame: CallFrame): Promise<void> {
    if (disk.sectorCount === 0) throw new NotBootable('the image is empty');
    const sector = await disk.read(0, 1);
    if (sector.every((byte) => byte === 0)) throw new NotBootable('the first sector is blank');
    if (sector[510] !== 0x55 || sector[511] !== 0xaa) {
      throw new NotBootable('no boot sector (its last bytes are not 55 AA)');
    }
    if (sector[0] === 0 && sector[1] === 0) {
      throw new NotBootable('no boot program for a PC BIOS in the first sector (EFI only?)');
    }
    if (disk.kind === 'hdd') this.#disks.bootFromDisk(disk.index);
    this.#context.memory.write(loadAddress, sector);
    this.#enter(frame, 0, loadAddress, this.#disks.numberOf(disk.index));
  }

  async #loadDisc(disk: Disk, frame: CallFrame): Promise<void> {
    const boot = await discBoot(disk);
    const { memory } = this.#context;
    const segment = boot.media === 0 ? boot.loadSegment : 0x7c0;
    const sectors = boot.media === 0 ? boot.loadCount : 1;
    const image = await disk.read(boot.start, Math.ceil(sectors / 4));
    memory.write(segment * 16, image.subarray(0, sectors * 512));
    this.#disks.bootFromDisc(boot);
    const number =
      boot.media === 0 ? this.#disks.numberOf(disk.index) : boot.media === 4 ? 0x80 : 0;
    // 07C0:0000 is entered as 0000:7C00, which is what boot programs are written for.
    this.#enter(frame, segment & 0xf000, (segment & 0x0fff) << 4, number);
  }

  #enter(frame: CallFrame, segment: number, offset: number, drive: number): void {
    frame.cs = segment;
    frame.ip = offset;
    frame.edx = drive;
    frame.eax = 0xaa55;
    for (const register of ['ebx', 'ecx', 'esi', 'edi', 'ds', 'es'] as const) frame[register] = 0;
    // Interrupts on, all else off.
    frame.flags = 0x0202;
  }
}

const title = ({ name }: BootDrive): string => name;
