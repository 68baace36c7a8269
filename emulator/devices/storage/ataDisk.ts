/**
 * An ATA disk: what each command comes to (ATA/ATAPI-7 §6). Moves no data itself: IDE and AHCI do. Left
 * out: security, host protected area, streaming, TRIM, the SMART self tests.
 */
import type { BlockBackend } from '../../backends/block.ts';
import { checkedState } from '../../bus/deviceState.ts';
import type { VersionedState } from '../../bus/types.ts';
import {
  ataCommand,
  DEVICE_LBA,
  diskSignature,
  errorBit,
  mostSectors,
  sectorSize,
  type AtaAction,
  type TaskFile,
} from './ata.ts';
import { identifyDisk, mostMultiple, type Geometry, type TransferModes } from './ataIdentify.ts';

export interface AtaDiskParts {
  readonly disk: BlockBackend;
  /** Up to 20 ASCII characters. */
  readonly serial: string;
  /** Native command queuing, for SATA. */
  readonly queueDepth?: number;
}

const refused: AtaAction = { kind: 'refused', error: errorBit.aborted };
const done: AtaAction = { kind: 'done' };

export class AtaDisk {
  readonly kind = 'disk';
  readonly signature = diskSignature;
  readonly backend: BlockBackend;
  readonly sectors: number;
  readonly #parts: AtaDiskParts;
  readonly #geometry: Geometry;
  /** What INITIALIZE DEVICE PARAMETERS has set. */
  #heads: number;
  #perTrack: number;
  #multiple = mostMultiple;
  #writeCache = true;
  #modes: TransferModes = { multiword: -1, ultra: 5 };
  #smart = true;

  constructor(parts: AtaDiskParts) {
    this.#parts = parts;
    this.backend = parts.disk;
    this.sectors = Math.floor(parts.disk.size / sectorSize);
    const cylinders = Math.max(1, Math.min(16383, Math.floor(this.sectors / (16 * 63))));
    this.#geometry = { cylinders, heads: 16, sectors: 63 };
    this.#heads = 16;
    this.#perTrack = 63;
  }

  /** A hardware or software reset. */
  resetDevice(): void {
    this.#heads = this.#geometry.heads;
    this.#perTrack = this.#geometry.sectors;
    this.#multiple = mostMultiple;
  }

  /** Power-on. */
  reset(): void {
    this.resetDevice();
    this.#writeCache = true;
    this.#modes = { multiword: -1, ultra: 5 };
    this.#smart = true;
  }

  decode(task: TaskFile): AtaAction {
    const c = ataCommand;
    switch (task.command) {
      case c.readSectors:
      case c.readSectorsNoRetry:
        return this.#transfer('read', task, { dma: false, ext: false });
      case c.readSectorsExt:
        return this.#transfer('read', task, { dma: false, ext: true });
      case c.readMultiple:
        return this.#transfer('read', task, { dma: false, ext: false, multiple: true });
      case c.readMultipleExt:
        return this.#transfer('read', task, { dma: false, ext: true, multiple: true });
      case c.readDma:
      case c.readDmaNoRetry:
        return this.#transfer('read', task, { dma: true, ext: false });
      case c.readDmaExt:
        return this.#transfer('read', task, { dma: true, ext: true });
      case c.writeSectors:
      case c.writeSectorsNoRetry:
        return this.#transfer('write', task, { dma: false, ext: false });
      case c.writeSectorsExt:
        return this.#transfer('write', task, { dma: false, ext: true });
      case c.writeMultiple:
        return this.#transfer('write', task, { dma: false, ext: false, multiple: true });
      case c.writeMultipleExt:
      case c.writeMultipleFuaExt: {
        const durable = task.command === c.writeMultipleFuaExt;
        return this.#transfer('write', task, { dma: false, ext: true, multiple: true, durable });
      }
      case c.writeDma:
      case c.writeDmaNoRetry:
        return this.#transfer('write', task, { dma: true, ext: false });
      case c.writeDmaExt:
      case c.writeDmaFuaExt:
        return this.#transfer('write', task, {
          ...{ dma: true, ext: true },
          durable: task.command === c.writeDmaFuaExt,
        });
      case c.readFpdmaQueued:
      case c.writeFpdmaQueued:
        return this.#queued(task);
      case c.readVerify:
      case c.readVerifyNoRetry:
      case c.readVerifyExt: {
        const { sector, sectors } = this.#range(task, task.command === c.readVerifyExt);
        return this.#inRange(sector, sectors) ? done : outOfRange;
      }
      case c.flush:
      case c.flushExt:
        return { kind: 'flush' };
      case c.identify:
        return { kind: 'data', bytes: this.identify() };
      case c.readLogExt:
        // §ACS-2 A: an empty general purpose log.
        return { kind: 'data', bytes: new Uint8Array(sectorSize * Math.max(1, task.count & 0xff)) };
      case c.setFeatures:
        return this.#setFeatures(task);
      case c.setMultiple:
        return this.#setMultiple(task.count);
      case c.initializeParameters:
        this.#perTrack = task.count;
        this.#heads = (task.device & 0x0f) + 1;
        return this.#perTrack === 0 ? refused : done;
      case c.readNativeMax:
        return { kind: 'done', ...splitLba(Math.min(this.sectors - 1, 0x0fff_ffff)) };
      case c.readNativeMaxExt:
        return { kind: 'done', ...splitLba(this.sectors - 1) };
      case c.smart:
        return this.#smartCommand(task);
      case c.checkPower:
        // Active or idle.
        return { kind: 'done', count: 0xff };
      case c.standbyImmediate:
      case c.idleImmediate:
      case c.standby:
      case c.idle:
      case c.sleep: // and the same from before ATA-4:
      case 0x94:
      case 0x95:
      case 0x96:
      case 0x97:
      case 0x99:
        return done;
      case 0x98:
        return { kind: 'done', count: 0xff };
      default:
        if ((task.command & 0xf0) === c.recalibrate || (task.command & 0xf0) === c.seek)
          return done;
        return refused;
    }
  }

  identify(): Uint8Array {
    const { serial, queueDepth } = this.#parts;
    return identifyDisk({
      serial,
      sectors: this.sectors,
      geometry: this.#geometry,
      multiple: this.#multiple,
      writeCache: this.#writeCache,
      modes: this.#modes,
      ...(queueDepth === undefined ? {} : { queueDepth }),
    });
  }

  #transfer(
    kind: 'read' | 'write',
    task: TaskFile,
    how: { dma: boolean; ext: boolean; multiple?: boolean; durable?: boolean },
  ): AtaAction {
    const { sector, sectors } = this.#range(task, how.ext);
    const { dma, multiple = false } = how;
    if (multiple && this.#multiple === 0) return refused;
    if (!this.#inRange(sector, sectors)) return outOfRange;
    if (kind === 'write' && this.backend.readOnly) return refused;
    const blockSectors = multiple ? this.#multiple : 1;
    const durable = kind === 'write' && (how.durable === true || !this.#writeCache);
    return { kind, sector, sectors, dma, blockSectors, durable };
  }

  /** §ACS-2 7.61: the count is in the features, the tag in the count. */
  #queued(task: TaskFile): AtaAction {
    if (this.#parts.queueDepth === undefined) return refused;
    const sectors = task.featuresHigh * 0x100 + task.features || mostSectors;
    const sector = task.lbaHigh * 0x100_0000 + task.lba;
    const kind = task.command === ataCommand.readFpdmaQueued ? 'read' : 'write';
    if (!this.#inRange(sector, sectors)) return outOfRange;
    if (kind === 'write' && this.backend.readOnly) return refused;
    const durable = kind === 'write' && ((task.device & 0x80) !== 0 || !this.#writeCache);
    return { kind, sector, sectors, dma: true, blockSectors: 1, durable };
  }

  #range(task: TaskFile, ext: boolean): { sector: number; sectors: number } {
    if (ext) {
      const sectors = task.countHigh * 0x100 + task.count || mostSectors;
      return { sector: task.lbaHigh * 0x100_0000 + task.lba, sectors };
    }
    const sectors = task.count || 0x100;
    const top = task.device & 0x0f;
    if ((task.device & DEVICE_LBA) !== 0) return { sector: top * 0x100_0000 + task.lba, sectors };
    // Cylinder, head and sector (§6.2.1).
    const cylinder = task.lba >>> 8;
    const sector = (cylinder * this.#heads + top) * this.#perTrack + (task.lba & 0xff) - 1;
    return { sector, sectors };
  }

  #inRange(sector: number, sectors: number): boolean {
    return sector >= 0 && sector + sectors <= this.sectors;
  }

  #setMultiple(count: number): AtaAction {
    if (count > mostMultiple || (count & (count - 1)) !== 0) return refused;
    this.#multiple = count;
    return done;
  }

  #setFeatures(task: TaskFile): AtaAction {
    switch (task.features) {
      case 0x02:
        this.#writeCache = true;
        return done;
      case 0x82:
        this.#writeCache = false;
        // What was cached goes out.
        return { kind: 'flush' };
      case 0x03:
        return setTransferMode(this.#modes, task.count) ? done : refused;
      // Look-ahead, power-on defaults, advanced power and acoustic management, SATA features.
      case 0x05:
      case 0x10:
      case 0x42:
      case 0x55:
      case 0x66:
      case 0x85:
      case 0x90:
      case 0xaa:
      case 0xc2:
      case 0xcc:
        return done;
      default:
        return refused;
    }
  }

  #smartCommand(task: TaskFile): AtaAction {
    if (task.lba >>> 8 !== 0xc24f) return refused;
    if (task.features === 0xd8) this.#smart = true;
    if (!this.#smart) return refused;
    switch (task.features) {
      case 0xd0:
      case 0xd1: {
        const bytes = new Uint8Array(sectorSize);
        bytes[0] = 1;
        bytes[511] = 0xff;
        return { kind: 'data', bytes };
      }
      case 0xd5:
        return { kind: 'data', bytes: new Uint8Array(sectorSize * Math.max(1, task.count)) };
      case 0xd9:
        this.#smart = false;
        return done;
      // Autosave, offline tests, enable; status: nothing is wrong.
      case 0xd2:
      case 0xd4:
      case 0xd8:
      case 0xda:
      case 0xdb:
        return done;
      default:
        return refused;
    }
  }

  save() {
    return {
      version: 1,
      data: {
        heads: this.#heads,
        perTrack: this.#perTrack,
        multiple: this.#multiple,
        writeCache: this.#writeCache,
        modes: { ...this.#modes },
        smart: this.#smart,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('ATA disk', state, this.save());
    this.#heads = data.heads;
    this.#perTrack = data.perTrack;
    this.#multiple = data.multiple;
    this.#writeCache = data.writeCache;
    this.#modes = { ...data.modes };
    this.#smart = data.smart;
  }
}

const outOfRange: AtaAction = { kind: 'refused', error: errorBit.notFound };

const splitLba = (lba: number) => ({
  lba: lba % 0x100_0000,
  lbaHigh: Math.floor(lba / 0x100_0000),
});

/** SET FEATURES 03 (§6.49.3): false for a mode that there is not. */
export function setTransferMode(modes: TransferModes, value: number): boolean {
  const mode = value & 7;
  switch (value >>> 3) {
    case 0: // PIO default
    case 1: // PIO 0..4
      return mode <= 4;
    case 4: // multiword DMA 0..2
      if (mode > 2) return false;
      modes.multiword = mode;
      modes.ultra = -1;
      return true;
    case 8: // Ultra DMA 0..5
      if (mode > 5) return false;
      modes.ultra = mode;
      modes.multiword = -1;
      return true;
    default:
      return false;
  }
}
