/**
 * INT 13h: cylinders, heads and sectors (IBM PC/AT Technical Reference); extensions by LBA (Phoenix EDD 1.1, 3.0);
 * El Torito 1.0 §4.
 */
import type { BiosContext, Service, ServiceResult } from './biosContext.ts';
import { bda } from './biosData.ts';
import type { CallFrame } from './callFrame.ts';
import { linear } from './callFrame.ts';
import { floppyType, type Disk, type Disks } from './disks.ts';
import { entryPoints, systemRomSegment } from './systemRom.ts';

export const diskStatus = {
  ok: 0x00,
  badCommand: 0x01,
  writeProtected: 0x03,
  sectorNotFound: 0x04,
  boundary: 0x09,
  noMedia: 0x31,
  notReady: 0x80,
} as const;

/** Packets name up to 127 blocks (EDD 1.1 §7.2); more than the conventional memory holds is no request. */
const maxBlocks = 0x400;

export function diskService(context: BiosContext, disks: Disks): Service {
  return (frame) => new DiskCall(context, disks, frame).run();
}

class DiskCall {
  readonly #context: BiosContext;
  readonly #disks: Disks;
  readonly #frame: CallFrame;

  constructor(context: BiosContext, disks: Disks, frame: CallFrame) {
    this.#context = context;
    this.#disks = disks;
    this.#frame = frame;
  }

  #end(status: number): 'done' {
    const frame = this.#frame;
    frame.ah = status;
    frame.carry = status !== diskStatus.ok;
    const field = frame.dl < 0x80 ? bda.floppyStatus : bda.diskStatus;
    this.#context.data.set8(field, status);
    return 'done';
  }

  run(): ServiceResult {
    const frame = this.#frame;
    const { ah, dl } = frame;
    if (ah === 0x4b) return this.#discEmulation();
    const disk = this.#disks.find(dl);
    if (ah === 0x01) {
      frame.ah = this.#context.data.get8(dl < 0x80 ? bda.floppyStatus : bda.diskStatus);
      frame.carry = frame.ah !== 0;
      return 'done';
    }
    if (ah === 0x15) return this.#type(disk);
    if (ah === 0x08) return this.#parameters(disk);
    if (disk === undefined) {
      return this.#end(ah === 0x00 && dl < 0x80 ? diskStatus.ok : diskStatus.badCommand);
    }
    switch (ah) {
      case 0x00:
      case 0x05:
      case 0x09:
      case 0x0c:
      case 0x0d:
      case 0x10:
      case 0x11:
      case 0x14:
      case 0x17:
        return this.#end(disk.present ? diskStatus.ok : diskStatus.notReady);
      case 0x02:
      case 0x03:
      case 0x04:
        return this.#classic(disk);
      case 0x16:
        return this.#end(disk.present ? diskStatus.ok : diskStatus.notReady);
      case 0x18:
        frame.es = systemRomSegment;
        frame.di = entryPoints.disketteParameters;
        return this.#end(diskStatus.ok);
      default:
        return disk.kind === 'floppy' ? this.#end(diskStatus.badCommand) : this.#extended(disk);
    }
  }

  /** AH=15h: 0 none, 1 floppy without change line, 2 with, 3 disk (CX:DX sectors). */
  #type(disk: Disk | undefined): 'done' {
    const frame = this.#frame;
    frame.carry = false;
    if (disk === undefined || disk.kind === 'cdrom') {
      frame.ah = 0;
    } else if (disk.kind === 'floppy') {
      frame.ah = 1;
    } else {
      frame.ah = 3;
      const sectors = Math.min(disk.sectorCount, 0xffffffff);
      frame.cx = Math.floor(sectors / 0x10000);
      frame.dx = sectors % 0x10000;
    }
    return 'done';
  }

  /** AH=08h */
  #parameters(disk: Disk | undefined): 'done' {
    const frame = this.#frame;
    const floppy = frame.dl < 0x80;
    if (disk === undefined || disk.kind === 'cdrom') {
      if (!floppy) return this.#end(diskStatus.badCommand);
      frame.ax = 0;
      frame.bx = 0;
      frame.cx = 0;
      frame.dx = this.#disks.count('floppy');
      frame.carry = false;
      return 'done';
    }
    const { cylinders, heads, sectors } = disk.geometry;
    const last = cylinders - 1;
    frame.ch = last & 0xff;
    frame.cl = ((last >> 2) & 0xc0) | sectors;
    frame.dh = heads - 1;
    frame.al = 0;
    if (floppy) {
      frame.dl = this.#disks.count('floppy');
      frame.bx = floppyType(disk);
      frame.es = systemRomSegment;
      frame.di = entryPoints.disketteParameters;
      frame.ah = 0;
      frame.carry = false;
      return 'done';
    }
    frame.ah = 0;
    frame.carry = false;
    frame.dl = this.#disks.count('hdd');
    return 'done';
  }

  #classic(disk: Disk): ServiceResult {
    const frame = this.#frame;
    const { ah: operation, al: count, es, bx } = frame;
    const cylinder = frame.ch | ((frame.cl & 0xc0) << 2);
    const sector = frame.cl & 0x3f;
    const { heads, sectors, cylinders } = disk.geometry;
    if (!disk.present) return this.#end(diskStatus.notReady);
    if (disk.kind === 'cdrom' || count === 0) return this.#end(diskStatus.badCommand);
    if (sector === 0 || sector > sectors || frame.dh >= heads || cylinder >= cylinders) {
      frame.al = 0;
      return this.#end(diskStatus.sectorNotFound);
    }
    const lba = (cylinder * heads + frame.dh) * sectors + sector - 1;
    if (lba + count > disk.sectorCount) {
      frame.al = 0;
      return this.#end(diskStatus.sectorNotFound);
    }
    if (operation === 0x04) return this.#end(diskStatus.ok);
    return this.#transfer(disk, operation === 0x03, lba, count, linear(es, bx));
  }

  #transfer(
    disk: Disk,
    write: boolean,
    lba: number,
    count: number,
    address: number,
  ): ServiceResult {
    const { memory } = this.#context;
    if (!write) {
      return disk.read(lba, count).then((bytes) => {
        memory.write(address, bytes);
        return this.#end(diskStatus.ok);
      });
    }
    if (disk.readOnly) return this.#end(diskStatus.writeProtected);
    return disk
      .write(lba, memory.read(address, count * disk.sectorSize))
      .then(() => this.#end(diskStatus.ok));
  }

  /** AH=41h.. with a disk address packet at DS:SI. */
  #extended(disk: Disk): ServiceResult {
    const frame = this.#frame;
    const { memory } = this.#context;
    const packet = linear(frame.ds, frame.si);
    switch (frame.ah) {
      case 0x41:
        if (frame.bx !== 0x55aa) return this.#end(diskStatus.badCommand);
        frame.bx = 0xaa55;
        // Fixed disk access, and EDD; removable media functions for discs.
        frame.cx = disk.kind === 'cdrom' ? 0x07 : 0x05;
        frame.ah = 0x30;
        frame.carry = false;
        return 'done';
      case 0x42:
      case 0x43:
      case 0x44: {
        const count = memory.read16(packet + 2);
        const lba = memory.read32(packet + 8) + memory.read32(packet + 12) * 2 ** 32;
        const offset = memory.read16(packet + 4);
        const segment = memory.read16(packet + 6);
        if (!disk.present) return this.#end(diskStatus.noMedia);
        if (memory.read8(packet) < 0x10 || count > maxBlocks) {
          return this.#end(diskStatus.badCommand);
        }
        if (lba + count > disk.sectorCount) {
          memory.write16(packet + 2, 0);
          return this.#end(diskStatus.badCommand);
        }
        if (frame.ah === 0x44 || count === 0) return this.#end(diskStatus.ok);
        const flat = memory.read8(packet) >= 0x18 && offset === 0xffff && segment === 0xffff;
        const address = flat
          ? memory.read32(packet + 16) + memory.read32(packet + 20) * 2 ** 32
          : linear(segment, offset);
        return this.#transfer(disk, frame.ah === 0x43, lba, count, address);
      }
      case 0x45:
        // Lock: nothing ejects a disc behind the guest's back.
        frame.al = 0;
        return this.#end(diskStatus.ok);
      case 0x47:
      case 0x4e:
        return this.#end(diskStatus.ok);
      case 0x48:
        return this.#driveParameters(disk, packet);
      case 0x49:
        return this.#end(disk.present ? diskStatus.ok : diskStatus.noMedia);
      default:
        return this.#end(diskStatus.badCommand);
    }
  }

  /** AH=48h, EDD 1.1 §7.7: the first 26 bytes, or 30 with an empty configuration pointer. */
  #driveParameters(disk: Disk, at: number): 'done' {
    const { memory } = this.#context;
    const size = memory.read16(at);
    if (size < 0x1a) return this.#end(diskStatus.badCommand);
    const { cylinders, heads, sectors } = disk.geometry;
    const disc = disk.kind === 'cdrom';
    memory.write16(at, size < 0x1e ? 0x1a : 0x1e);
    // DMA boundaries handled, CHS valid; or removable, changes reported, lockable.
    memory.write16(at + 2, disc ? 0x34 : 0x03);
    memory.write32(at + 4, disc ? 0xffffffff : cylinders);
    memory.write32(at + 8, disc ? 0xffffffff : heads);
    memory.write32(at + 12, disc ? 0xffffffff : sectors);
    memory.write32(at + 16, disk.sectorCount % 2 ** 32);
    memory.write32(at + 20, Math.floor(disk.sectorCount / 2 ** 32));
    memory.write16(at + 24, disk.sectorSize);
    if (size >= 0x1e) memory.write32(at + 26, 0xffffffff);
    return this.#end(diskStatus.ok);
  }

  /** AX=4B00h, 4B01h: end or describe the emulation (El Torito 1.0 §4). */
  #discEmulation(): 'done' {
    const frame = this.#frame;
    const { memory } = this.#context;
    const { disc } = this.#disks;
    if (disc === undefined || frame.al > 1) return this.#end(diskStatus.badCommand);
    const at = linear(frame.ds, frame.si);
    memory.write(at, new Uint8Array(0x13));
    memory.write8(at, 0x13);
    memory.write8(at + 1, disc.media);
    const number =
      disc.media === 0 ? this.#disks.numberOf(disc.drive) : disc.media === 4 ? 0x80 : 0;
    memory.write8(at + 2, number);
    memory.write32(at + 4, disc.start);
    memory.write16(at + 12, disc.loadSegment);
    memory.write16(at + 14, disc.loadCount);
    if (disc.media !== 0) {
      const last = Math.ceil(disc.sectors / (disc.heads * disc.sectorsPerTrack)) - 1;
      memory.write8(at + 16, last & 0xff);
      memory.write8(at + 17, ((last >> 2) & 0xc0) | disc.sectorsPerTrack);
      memory.write8(at + 18, disc.heads - 1);
    }
    if (frame.al === 0) this.#disks.stopEmulation();
    return this.#end(diskStatus.ok);
  }
}
