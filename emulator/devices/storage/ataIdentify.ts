/** The 512 bytes of IDENTIFY DEVICE and IDENTIFY PACKET DEVICE (ATA/ATAPI-7 §6.17, §6.18; ACS-2 §7.16). */

/** Set by SET FEATURES: what a driver chose. */
export interface TransferModes {
  /** Multiword DMA mode, or -1. */
  multiword: number;
  /** Ultra DMA mode, or -1. */
  ultra: number;
}

export interface Geometry {
  cylinders: number;
  heads: number;
  sectors: number;
}

const MOST_MULTIPLE = 16;
export const mostMultiple = MOST_MULTIPLE;

class Words {
  readonly bytes = new Uint8Array(512);
  readonly #view = new DataView(this.bytes.buffer);

  set(word: number, ...values: number[]): this {
    values.forEach((value, i) => this.#view.setUint16((word + i) * 2, value & 0xffff, true));
    return this;
  }
  /** Two characters a word, the first in the high byte. */
  text(word: number, words: number, text: string): this {
    for (let i = 0; i < words * 2; i++)
      this.bytes[word * 2 + (i ^ 1)] = i < text.length ? text.charCodeAt(i) : 0x20;
    return this;
  }
  /** Word 255: signature and a checksum that makes all bytes add up to zero. */
  checksum(): Uint8Array {
    this.bytes[510] = 0xa5;
    this.bytes[511] = 0;
    this.bytes[511] = -this.bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
    return this.bytes;
  }
}

const modeWord = (supported: number, mode: number): number =>
  supported | (mode < 0 ? 0 : 1 << (8 + mode));

export interface DiskIdentity {
  readonly serial: string;
  readonly sectors: number;
  readonly geometry: Geometry;
  readonly multiple: number;
  readonly writeCache: boolean;
  readonly modes: TransferModes;
  /** On SATA: native command queuing with this many commands; undefined on a parallel cable. */
  readonly queueDepth?: number;
}

export function identifyDisk(disk: DiskIdentity): Uint8Array {
  const { sectors, geometry, modes } = disk;
  const lba28 = Math.min(sectors, 0x0fff_ffff);
  const { cylinders, heads, sectors: perTrack } = geometry;
  const chs = Math.min(cylinders * heads * perTrack, sectors);
  const low = (n: number): number => n % 0x1_0000;
  const high = (n: number): number => Math.floor(n / 0x1_0000) % 0x1_0000;
  const top = Math.floor(sectors / 0x1_0000_0000);
  // SMART, power management, write cache, NOP; LBA48 and flushes; FUA.
  const features = 0x4029;
  const words = new Words()
    .set(0, 0x0040, Math.min(16383, cylinders))
    .set(3, heads)
    .set(6, perTrack)
    .text(10, 10, disk.serial)
    .text(23, 4, '1.0')
    .text(27, 20, 'Guesthouse disk')
    .set(47, 0x8000 | MOST_MULTIPLE, 1, 0x0b00, 0x4000, 0x0200, 0x0200, 7)
    .set(54, Math.min(16383, cylinders), heads, perTrack, low(chs), high(chs))
    .set(59, disk.multiple === 0 ? 0 : 0x100 | disk.multiple)
    .set(60, low(lba28), high(lba28))
    .set(63, modeWord(0x07, modes.multiword), 0x0003, 120, 120, 120, 120)
    .set(80, 0x00f0, 0x0016, features, 0x7400, 0x4040)
    .set(85, disk.writeCache ? features : features & ~0x20, 0x3400, 0x4040)
    .set(88, modeWord(0x3f, modes.ultra))
    .set(100, low(sectors), high(sectors), low(top), high(top))
    // Eight logical sectors a physical one; nothing rotates.
    .set(106, 0x6003)
    .set(217, 1);
  if (disk.queueDepth === undefined) words.set(93, 0x6001);
  else words.set(75, disk.queueDepth - 1, 0x0106).set(222, 0x101f);
  return words.checksum();
}

export function identifyCdrom(drive: {
  readonly serial: string;
  readonly modes: TransferModes;
  readonly sata: boolean;
}): Uint8Array {
  const words = new Words()
    // CD-ROM, removable, packet request within 50 µs, 12-byte packets.
    .set(0, 0x85c0)
    .text(10, 10, drive.serial)
    .text(23, 4, '1.0')
    .text(27, 20, 'Guesthouse CD-ROM')
    .set(48, 1, 0x0b00)
    .set(53, 0x0006)
    .set(63, modeWord(0x07, drive.modes.multiword), 0x0003, 120, 120, 120, 120)
    .set(80, 0x00f0, 0x0016, 0x4210, 0x4000, 0x4000)
    .set(85, 0x4210, 0x0000, 0x4000)
    .set(88, modeWord(0x3f, drive.modes.ultra));
  if (drive.sata) words.set(76, 0x0006).set(222, 0x101f);
  else words.set(93, 0x6001);
  return words.checksum();
}
