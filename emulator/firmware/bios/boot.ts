/** INT 19h and 18h: the start screen, the boot menu, one drive or adapter after the other, and why none could be booted. */
import type { BiosContext, ServiceResult } from './biosContext.ts';
import type { BootDrive } from './biosMachine.ts';
import type { CallFrame } from './callFrame.ts';
import type { Disk, Disks } from './disks.ts';
import { discBoot, NotBootable } from './elTorito.ts';
import type { Keyboard } from './keyboard.ts';
import type { Pxe } from './pxe/pxe.ts';
import type { Video } from './video.ts';

const F12 = 0x86;
const escape = 0x1b;
const enterKey = 0x0d;
const firstDigit = 0x31;
const firstLetter = 0x61;
/** How long `--boot …,menu` waits for F12. */
const promptNs = 3e9;
const loadAddress = 0x7c00;
const bright = 0x0f;

type Phase = 'start' | 'prompt' | 'menu' | 'try' | 'failed';

export interface BootDevices {
  readonly video: Video;
  readonly keyboard: Keyboard;
  readonly disks: Disks;
  readonly pxe: Pxe;
}

export class Boot {
  readonly #context: BiosContext;
  readonly #video: Video;
  readonly #keyboard: Keyboard;
  readonly #disks: Disks;
  readonly #pxe: Pxe;
  #phase: Phase = 'start';
  #deadlineNs = 0;
  /** What is still to be tried: indices of the drives, and of the adapters behind them. */
  #queue: number[] = [];
  /** Index of what was booted, or -1. */
  #booted = -1;
  /** The adapter that is being booted from has been named. */
  #announced = false;

  constructor(context: BiosContext, { video, keyboard, disks, pxe }: BootDevices) {
    this.#context = context;
    this.#video = video;
    this.#keyboard = keyboard;
    this.#disks = disks;
    this.#pxe = pxe;
  }

  reset(): void {
    this.#phase = 'start';
    this.#queue = [];
    this.#deadlineNs = 0;
    this.#booted = -1;
    this.#announced = false;
  }

  save() {
    return {
      phase: this.#phase as string,
      deadlineNs: this.#deadlineNs,
      queue: [...this.#queue],
      booted: this.#booted,
      announced: this.#announced,
    };
  }

  load(saved: ReturnType<Boot['save']>): void {
    this.#phase = saved.phase as Phase;
    this.#deadlineNs = saved.deadlineNs;
    this.#queue = [...saved.queue];
    this.#booted = saved.booted;
    this.#announced = saved.announced;
  }

  /** INT 18h: what was booted gives up; the next drive's turn. */
  failed(frame: CallFrame): ServiceResult {
    if (this.#phase === 'start') {
      const name = this.#names()[this.#booted] ?? 'Boot';
      this.#video.print(`\r\n${name}: the boot program gave up.\r\n`);
      this.#phase = 'try';
      this.#pxe.end();
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
        return this.#next(frame);
      case 'failed':
        if (this.#keyboard.take() === undefined) return 'wait';
        this.#phase = 'start';
        this.#disks.reset();
        this.#pxe.reset();
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
    const { drives, adapters, bootOrder } = this.#context.parts;
    return bootOrder.flatMap((kind) =>
      kind === 'network'
        ? [...adapters.keys()].map((index) => drives.length + index)
        : [...drives.keys()].filter((i) => drives[i]?.kind === kind),
    );
  }

  /** Of the drives, and of the adapters behind them. */
  #names(): string[] {
    const { drives, adapters } = this.#context.parts;
    return [...drives.map(title), ...adapters.map(({ place }) => place.name)];
  }

  #prompt(frame: CallFrame): ServiceResult {
    const { clock } = this.#context.parts;
    const key = this.#keyboard.peek();
    if (key !== undefined && key >>> 8 === F12) {
      this.#keyboard.take();
      this.#phase = 'menu';
      this.#video.print('Boot from:\r\n');
      this.#names().forEach((name, i) => this.#video.print(`  ${keyOf(i)}  ${name}\r\n`));
      return this.#menu(frame);
    }
    if (clock.nowNs() < this.#deadlineNs) {
      if (key !== undefined) this.#keyboard.take();
      this.#context.wakeAt(this.#deadlineNs);
      return 'wait';
    }
    this.#phase = 'try';
    return this.#next(frame);
  }

  #menu(frame: CallFrame): ServiceResult {
    for (;;) {
      const key = this.#keyboard.take();
      if (key === undefined) return 'wait';
      const letter = String.fromCharCode(key & 0xff).toLowerCase();
      const choice = this.#names().findIndex((_, i) => keyOf(i) === letter);
      // Escape, or Enter: the usual order.
      if ((key & 0xff) !== escape && (key & 0xff) !== enterKey) {
        if (choice < 0) continue;
        this.#queue = [choice, ...this.#inOrder().filter((i) => i !== choice)];
      }
      this.#video.print('\r\n');
      this.#phase = 'try';
      return this.#next(frame);
    }
  }

  /** An adapter is waited for by polls, and needs nothing of the host; drives are read by the host. */
  #next(frame: CallFrame): ServiceResult {
    const [index] = this.#queue;
    const { drives } = this.#context.parts;
    return index !== undefined && index >= drives.length
      ? this.#tryAdapter(frame, index)
      : this.#tryDrives(frame);
  }

  #tryAdapter(frame: CallFrame, index: number): ServiceResult {
    const name = this.#names()[index] ?? '';
    if (!this.#announced) this.#video.print(`${name}: `);
    this.#announced = true;
    const key = this.#keyboard.peek();
    if (key !== undefined) this.#keyboard.take();
    const skipped = key !== undefined && (key & 0xff) === escape;
    if (skipped) this.#pxe.reset();
    const result = skipped
      ? { reason: 'skipped' }
      : this.#pxe.boot(index - this.#context.parts.drives.length, frame, (text) =>
          this.#video.print(text),
        );
    if (result === 'wait') return 'wait';
    this.#queue.shift();
    this.#announced = false;
    if (result !== 'done') {
      this.#video.print(`${result.reason}.\r\n`);
      return this.#next(frame);
    }
    this.#phase = 'start';
    this.#booted = index;
    for (const register of ['ebx', 'ecx', 'edx', 'esi', 'edi', 'ds', 'es'] as const)
      frame[register] = 0;
    frame.flags = 0x0202;
    return 'done';
  }

  async #tryDrives(frame: CallFrame): Promise<'done' | 'wait'> {
    await this.#disks.readGeometries();
    for (let index = this.#queue[0]; index !== undefined; index = this.#queue[0]) {
      // An adapter's turn, at the next poll.
      if (index >= this.#context.parts.drives.length) return 'wait';
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
    const { drives, bootOrder } = this.#context.parts;
    const none = drives.length === 0 && !bootOrder.includes('network');
    this.#video.print(
      none
        ? 'There is no drive to boot from, and the network is not in the boot order.\r\n'
        : '\r\nNothing could be booted.\r\n',
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

/** The key that chooses a line of the menu: 1 to 9, and then a, b, c. */
const keyOf = (index: number): string =>
  String.fromCharCode(index < 9 ? firstDigit + index : firstLetter + index - 9);
