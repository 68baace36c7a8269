/**
 * ATA as disks and CD-ROM drives have it, without the wire: registers, command codes and what a command
 * comes to (ATA/ATAPI-7, T13/1532D, cited by section; ACS-2 for what is newer).
 */

/** Status register, §6.7.6. */
export const status = {
  busy: 0x80,
  ready: 0x40,
  fault: 0x20,
  seek: 0x10,
  request: 0x08,
  error: 0x01,
};
/** Error register, §6.7.3. */
export const errorBit = { aborted: 0x04, notFound: 0x10, uncorrectable: 0x40 } as const;
/** Device register, §6.7.1. */
export const DEVICE_LBA = 0x40;
export const DEVICE_SECOND = 0x10;
/** Reason bits in the sector count register of a packet command, §6.7.10: command or data, to the host. */
export const REASON_COMMAND = 1;
export const REASON_TO_HOST = 2;

export const sectorSize = 512;
/** The longest a single LBA48 command can be, in sectors. */
export const mostSectors = 0x10000;

/** What the host writes before a command; the high halves are those of LBA48 (§6.2). */
export interface TaskFile {
  features: number;
  count: number;
  /** Bits 0..23 in the three LBA registers; 24..27 are in `device` for LBA28. */
  lba: number;
  featuresHigh: number;
  countHigh: number;
  lbaHigh: number;
  device: number;
  command: number;
}

export const emptyTaskFile = (): TaskFile => ({
  ...{ features: 0, count: 0, lba: 0, featuresHigh: 0, countHigh: 0, lbaHigh: 0 },
  ...{ device: 0, command: 0 },
});

/** What a command comes to. The transport moves the data. */
export type AtaAction =
  /** Done at once; the given registers change. */
  | {
      readonly kind: 'done';
      readonly count?: number;
      readonly lba?: number;
      readonly lbaHigh?: number;
    }
  /** Refused, with the bits of the error register. */
  | { readonly kind: 'refused'; readonly error: number }
  /** Sectors of the medium; PIO asks for the host in blocks of `blockSectors`. */
  | {
      readonly kind: 'read' | 'write';
      readonly sector: number;
      readonly sectors: number;
      readonly dma: boolean;
      readonly blockSectors: number;
      /** Must be on stable storage before the command ends. */
      readonly durable: boolean;
    }
  /** Data that the device has itself, by PIO. */
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  | { readonly kind: 'flush' }
  /** Wants a command packet. */
  | { readonly kind: 'packet' };

/** Registers after a reset that tell what a device is (§9.12). */
export const diskSignature = { count: 1, lba: 0x000001 } as const;
export const packetSignature = { count: 1, lba: 0xeb1401 } as const;

export const ataCommand = {
  nop: 0x00,
  dataSetManagement: 0x06,
  deviceReset: 0x08,
  recalibrate: 0x10,
  readSectors: 0x20,
  readSectorsNoRetry: 0x21,
  readSectorsExt: 0x24,
  readDmaExt: 0x25,
  readNativeMaxExt: 0x27,
  readMultipleExt: 0x29,
  readLogExt: 0x2f,
  writeSectors: 0x30,
  writeSectorsNoRetry: 0x31,
  writeSectorsExt: 0x34,
  writeDmaExt: 0x35,
  writeMultipleExt: 0x39,
  writeDmaFuaExt: 0x3d,
  readVerify: 0x40,
  readVerifyNoRetry: 0x41,
  readVerifyExt: 0x42,
  readFpdmaQueued: 0x60,
  writeFpdmaQueued: 0x61,
  seek: 0x70,
  diagnostic: 0x90,
  initializeParameters: 0x91,
  packet: 0xa0,
  identifyPacket: 0xa1,
  smart: 0xb0,
  readMultiple: 0xc4,
  writeMultiple: 0xc5,
  setMultiple: 0xc6,
  readDma: 0xc8,
  readDmaNoRetry: 0xc9,
  writeDma: 0xca,
  writeDmaNoRetry: 0xcb,
  writeMultipleFuaExt: 0xce,
  standbyImmediate: 0xe0,
  idleImmediate: 0xe1,
  standby: 0xe2,
  idle: 0xe3,
  checkPower: 0xe5,
  sleep: 0xe6,
  flush: 0xe7,
  flushExt: 0xea,
  identify: 0xec,
  setFeatures: 0xef,
  readNativeMax: 0xf8,
} as const;
