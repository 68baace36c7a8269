/**
 * An ATAPI CD-ROM drive: packet commands (MMC-4, T10/1545D; SFF-8020i for their transport) on a medium
 * that may come and go. Moves no data itself: IDE and AHCI do. Left out: audio, writing, CSS.
 */
import { BlockError, type BlockBackend } from '../../backends/block.ts';
import type { MediumSlot } from '../../backends/mediumSlot.ts';
import { checkedState } from '../../bus/deviceState.ts';
import type { VersionedState } from '../../bus/types.ts';
import { ataCommand, errorBit, packetSignature, type AtaAction, type TaskFile } from './ata.ts';
import { setTransferMode } from './ataDisk.ts';
import { identifyCdrom, type TransferModes } from './ataIdentify.ts';
import {
  blockSize,
  configuration,
  discInformation,
  dvdPhysicalFormat,
  inquiry,
  mechanismStatus,
  mediaEvent,
  modePages,
  noEventClass,
  rawBlockSize,
  rawSector,
  toc,
  trackInformation,
} from './cdromData.ts';

/** Sense key, additional sense code and its qualifier (SPC-3 §4.5.6). */
export type Sense = readonly [key: number, code: number, qualifier: number];
export const sense = {
  none: [0, 0, 0],
  noMedium: [2, 0x3a, 0],
  noMediumTrayOpen: [2, 0x3a, 2],
  unrecoveredRead: [3, 0x11, 0],
  invalidCommand: [5, 0x20, 0],
  outOfRange: [5, 0x21, 0],
  invalidField: [5, 0x24, 0],
  removalPrevented: [5, 0x53, 2],
  incompatibleMode: [5, 0x64, 0],
  mediumChanged: [6, 0x28, 0],
  reset: [6, 0x29, 0],
} as const satisfies Record<string, Sense>;

/** What a packet comes to. */
export type PacketAction =
  | { readonly kind: 'done' }
  | { readonly kind: 'data'; readonly bytes: Uint8Array }
  /** Blocks of the medium, for readBlocks(). */
  | {
      readonly kind: 'read';
      readonly block: number;
      readonly blocks: number;
      readonly raw: boolean;
    }
  /** A parameter list that nobody looks at. */
  | { readonly kind: 'parameters'; readonly length: number }
  | { readonly kind: 'failed'; readonly sense: Sense };

/** SPC-3 and MMC-4 operation codes. */
const op = {
  testUnitReady: 0x00,
  requestSense: 0x03,
  inquiry: 0x12,
  modeSelect6: 0x15,
  modeSense6: 0x1a,
  startStop: 0x1b,
  preventAllow: 0x1e,
  readFormatCapacities: 0x23,
  readCapacity: 0x25,
  read10: 0x28,
  seek10: 0x2b,
  verify10: 0x2f,
  synchronizeCache: 0x35,
  readSubChannel: 0x42,
  readToc: 0x43,
  getConfiguration: 0x46,
  getEventStatus: 0x4a,
  readDiscInformation: 0x51,
  readTrackInformation: 0x52,
  modeSelect10: 0x55,
  modeSense10: 0x5a,
  read12: 0xa8,
  readDvdStructure: 0xad,
  setSpeed: 0xbb,
  mechanismStatus: 0xbd,
  readCd: 0xbe,
} as const;

/** Commands that a waiting unit attention does not stop (SPC-3 §5.9.7; MMC-4 §4.1.6). */
const unstoppable: readonly number[] = [
  op.requestSense,
  op.inquiry,
  op.getConfiguration,
  op.getEventStatus,
];

const mediaEventCode = { none: 0, ejectRequest: 1, newMedium: 2, removal: 3 } as const;

const done: PacketAction = { kind: 'done' };
const failed = (why: Sense): PacketAction => ({ kind: 'failed', sense: why });

export class AtapiCdrom {
  readonly kind = 'cdrom';
  readonly signature = packetSignature;
  readonly #slot: MediumSlot;
  readonly #serial: string;
  readonly #sata: boolean;
  #modes: TransferModes = { multiword: -1, ultra: 5 };
  #sense: Sense = sense.none;
  #attention: Sense = sense.none;
  #event: number = mediaEventCode.none;
  #trayOpen = false;
  #locked = false;

  constructor(parts: {
    readonly slot: MediumSlot;
    readonly serial: string;
    readonly sata: boolean;
  }) {
    this.#slot = parts.slot;
    this.#serial = parts.serial;
    this.#sata = parts.sata;
    this.#slot.onChange(() => this.#mediumChanged());
  }

  /** The host's user has put another medium in, or taken it out. */
  #mediumChanged(): void {
    this.#trayOpen = false;
    this.#attention = sense.mediumChanged;
    this.#event =
      this.#slot.medium === undefined ? mediaEventCode.removal : mediaEventCode.newMedium;
  }

  /** The medium that can be read now. */
  get #medium(): BlockBackend | undefined {
    return this.#trayOpen ? undefined : this.#slot.medium;
  }

  resetDevice(): void {
    this.#sense = sense.none;
    this.#locked = false;
  }

  reset(): void {
    this.resetDevice();
    this.#modes = { multiword: -1, ultra: 5 };
    this.#attention = sense.none;
    this.#event = mediaEventCode.none;
    this.#trayOpen = false;
  }

  decode(task: TaskFile): AtaAction {
    const aborted: AtaAction = { kind: 'refused', error: errorBit.aborted };
    switch (task.command) {
      case ataCommand.packet:
        return { kind: 'packet' };
      case ataCommand.identifyPacket:
        return { kind: 'data', bytes: this.identify() };
      case ataCommand.setFeatures:
        if (task.features !== 0x03) return { kind: 'done' };
        return setTransferMode(this.#modes, task.count) ? { kind: 'done' } : aborted;
      case ataCommand.checkPower:
        return { kind: 'done', count: 0xff };
      case ataCommand.standbyImmediate:
      case ataCommand.idleImmediate:
      case ataCommand.sleep:
        return { kind: 'done' };
      default:
        return aborted;
    }
  }

  identify(): Uint8Array {
    return identifyCdrom({ serial: this.#serial, modes: this.#modes, sata: this.#sata });
  }

  /** Reads blocks as the host wants them: 2048 bytes each, or whole sectors. Rejects with BlockError. */
  async readBlocks(block: number, blocks: number, raw: boolean): Promise<Uint8Array> {
    const medium = this.#medium;
    if (medium === undefined || (block + blocks) * blockSize > medium.size)
      throw new BlockError('missing', 'The medium was taken out while it was read.');
    const data = new Uint8Array(blocks * blockSize);
    await medium.read(block * blockSize, [data]);
    if (!raw) return data;
    const whole = new Uint8Array(blocks * rawBlockSize);
    for (let i = 0; i < blocks; i++) {
      const content = data.subarray(i * blockSize, (i + 1) * blockSize);
      whole.set(rawSector(block + i, content), i * rawBlockSize);
    }
    return whole;
  }

  /** Keeps the sense for REQUEST SENSE; returns the error register of the command (SFF-8020i §7.2). */
  keep(why: Sense): number {
    this.#sense = why;
    return (why[0] << 4) | errorBit.aborted;
  }

  /** `packet` has 12 bytes. */
  perform(packet: Uint8Array): PacketAction {
    const code = packet[0] ?? 0;
    if (this.#attention !== sense.none && !unstoppable.includes(code)) {
      const why = this.#attention;
      this.#attention = sense.none;
      return failed(why);
    }
    if (code !== op.requestSense) this.#sense = sense.none;
    return this.#command(code, packet);
  }

  #command(code: number, packet: Uint8Array): PacketAction {
    const view = new DataView(packet.buffer, packet.byteOffset, packet.length);
    const byte = (at: number): number => packet[at] ?? 0;
    const answer = (bytes: Uint8Array, most: number): PacketAction =>
      most === 0 || bytes.length === 0
        ? done
        : { kind: 'data', bytes: bytes.subarray(0, Math.min(bytes.length, most)) };
    switch (code) {
      case op.testUnitReady:
        return this.#withMedium(() => done);
      case op.requestSense:
        return answer(this.#requestSense(), byte(4));
      case op.inquiry:
        if ((byte(1) & 1) !== 0) return failed(sense.invalidField);
        return answer(inquiry(), view.getUint16(3));
      case op.modeSense6:
        return this.#modeSense(byte(2), byte(4), true);
      case op.modeSense10:
        return this.#modeSense(byte(2), view.getUint16(7), false);
      case op.modeSelect6:
        return byte(4) === 0 ? done : { kind: 'parameters', length: byte(4) };
      case op.modeSelect10: {
        const length = view.getUint16(7);
        return length === 0 ? done : { kind: 'parameters', length };
      }
      case op.startStop:
        return this.#startStop(byte(4));
      case op.preventAllow:
        this.#locked = (byte(4) & 1) !== 0;
        return done;
      case op.readCapacity:
        return this.#withMedium((blocks) => {
          const capacity = new DataView(new ArrayBuffer(8));
          capacity.setUint32(0, Math.max(0, blocks - 1));
          capacity.setUint32(4, blockSize);
          return answer(new Uint8Array(capacity.buffer), 8);
        });
      case op.readFormatCapacities:
        return answer(this.#formatCapacities(), view.getUint16(7));
      case op.read10:
        return this.#read(view.getUint32(2), view.getUint16(7), false);
      case op.read12:
        return this.#read(view.getUint32(2), view.getUint32(6), false);
      case op.readCd:
        return this.#readCd(view.getUint32(2), view.getUint32(5) & 0xff_ffff, byte(9));
      case op.seek10:
      case op.verify10:
        return this.#withMedium((blocks) =>
          view.getUint32(2) < blocks ? done : failed(sense.outOfRange),
        );
      case op.synchronizeCache:
      case op.setSpeed:
        return done;
      case op.readSubChannel:
        // No audio: the header alone, "no current status".
        return this.#withMedium(() => answer(Uint8Array.of(0, 0x15, 0, 0), view.getUint16(7)));
      case op.readToc:
        return this.#withMedium((blocks) => {
          const format = byte(2) & 0x0f || byte(9) >>> 6;
          const bytes = toc(format, (byte(1) & 2) !== 0, byte(6), blocks);
          return bytes === undefined
            ? failed(sense.invalidField)
            : answer(bytes, view.getUint16(7));
        });
      case op.getConfiguration: {
        const medium = this.#medium;
        const blocks = medium && { blocks: Math.floor(medium.size / blockSize) };
        return answer(configuration(byte(1) & 3, view.getUint16(2), blocks), view.getUint16(7));
      }
      case op.getEventStatus:
        return this.#eventStatus(byte(1), byte(4), view.getUint16(7));
      case op.readDiscInformation:
        return this.#withMedium(() => answer(discInformation(), view.getUint16(7)));
      case op.readTrackInformation:
        return this.#withMedium((blocks) => answer(trackInformation(blocks), view.getUint16(7)));
      case op.readDvdStructure:
        return this.#withMedium((blocks) =>
          byte(7) === 0
            ? answer(dvdPhysicalFormat(blocks), view.getUint16(8))
            : failed(sense.invalidField),
        );
      case op.mechanismStatus:
        return answer(mechanismStatus, view.getUint16(8));
      default:
        return failed(sense.invalidCommand);
    }
  }

  #withMedium(then: (blocks: number) => PacketAction): PacketAction {
    const medium = this.#medium;
    if (medium !== undefined) return then(Math.floor(medium.size / blockSize));
    return failed(this.#trayOpen ? sense.noMediumTrayOpen : sense.noMedium);
  }

  #requestSense(): Uint8Array {
    // An attention that waits is the answer, as is what the last command failed with.
    const [key, asc, qualifier] = this.#attention === sense.none ? this.#sense : this.#attention;
    this.#sense = sense.none;
    this.#attention = sense.none;
    const bytes = new Uint8Array(18);
    bytes[0] = 0x70;
    bytes[2] = key;
    bytes[7] = 10;
    bytes[12] = asc;
    bytes[13] = qualifier;
    return bytes;
  }

  #modeSense(byte2: number, most: number, short: boolean): PacketAction {
    // Saved values: there are none. Changeable ones: all zero would do as well.
    if (byte2 >>> 6 === 3) return failed([5, 0x39, 0]);
    const pages = modePages(byte2 & 0x3f, this.#locked);
    if (pages === undefined) return failed(sense.invalidField);
    const type = this.#medium === undefined ? 0x70 : 0x01;
    const header = short
      ? [pages.length + 3, type, 0, 0]
      : [(pages.length + 6) >>> 8, (pages.length + 6) & 0xff, type, 0, 0, 0, 0, 0];
    const bytes = Uint8Array.from([...header, ...pages]);
    return most === 0
      ? done
      : { kind: 'data', bytes: bytes.subarray(0, Math.min(bytes.length, most)) };
  }

  /** LoEj and Start (MMC-4 §6.46). */
  #startStop(bits: number): PacketAction {
    if ((bits & 2) === 0) return done;
    const open = (bits & 1) === 0;
    if (open && this.#locked) return failed(sense.removalPrevented);
    if (open !== this.#trayOpen) {
      this.#trayOpen = open;
      if (this.#slot.medium !== undefined) {
        this.#event = open ? mediaEventCode.removal : mediaEventCode.newMedium;
        if (!open) this.#attention = sense.mediumChanged;
      }
    }
    return done;
  }

  #formatCapacities(): Uint8Array {
    const medium = this.#medium;
    const view = new DataView(new ArrayBuffer(12));
    view.setUint32(0, 8);
    view.setUint32(4, medium === undefined ? 0xffff_ffff : Math.floor(medium.size / blockSize));
    view.setUint32(8, blockSize);
    // Formatted, or no medium.
    view.setUint8(8, medium === undefined ? 3 : 2);
    return new Uint8Array(view.buffer);
  }

  #read(block: number, blocks: number, raw: boolean): PacketAction {
    return this.#withMedium((size) => {
      if (block + blocks > size) return failed(sense.outOfRange);
      if (blocks === 0) return done;
      return { kind: 'read', block, blocks, raw };
    });
  }

  /** MMC-4 §6.21; byte 9 says which parts of the sector the host wants. */
  #readCd(block: number, blocks: number, parts: number): PacketAction {
    switch (parts & 0xf8) {
      case 0x00:
        return this.#withMedium((size) =>
          block + blocks > size ? failed(sense.outOfRange) : done,
        );
      case 0x10:
        return this.#read(block, blocks, false);
      case 0xf8:
        return this.#read(block, blocks, true);
      default:
        return failed(sense.incompatibleMode);
    }
  }

  #eventStatus(polled: number, classes: number, most: number): PacketAction {
    // Only polling, which is how everyone asks.
    if ((polled & 1) === 0) return failed(sense.invalidField);
    let bytes: Uint8Array = noEventClass;
    if ((classes & 0x10) !== 0) {
      bytes = mediaEvent(this.#event, this.#trayOpen, this.#medium !== undefined);
      this.#event = mediaEventCode.none;
    }
    return { kind: 'data', bytes: bytes.subarray(0, Math.max(1, Math.min(bytes.length, most))) };
  }

  save() {
    return {
      version: 1,
      data: {
        modes: { ...this.#modes },
        sense: [...this.#sense],
        attention: [...this.#attention],
        event: this.#event,
        trayOpen: this.#trayOpen,
        locked: this.#locked,
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('ATAPI CD-ROM', state, this.save());
    this.#modes = { ...data.modes };
    this.#sense = loadSense(data.sense);
    this.#attention = loadSense(data.attention);
    this.#event = data.event;
    this.#trayOpen = data.trayOpen;
    this.#locked = data.locked;
  }
}

const loadSense = ([key = 0, code = 0, qualifier = 0]: readonly number[]): Sense =>
  key === 0 && code === 0 && qualifier === 0 ? sense.none : [key, code, qualifier];
