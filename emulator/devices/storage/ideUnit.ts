/**
 * A drive on an IDE cable: its registers and the protocols that move data (ATA/ATAPI-7 volume 2 §11;
 * SFF-8020i for packets). The medium is read and written in the background; BSY is set meanwhile.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { VersionedState } from '../../bus/types.ts';
import {
  emptyTaskFile,
  errorBit,
  REASON_COMMAND,
  REASON_TO_HOST,
  sectorSize,
  status,
  type AtaAction,
  type TaskFile,
} from './ata.ts';
import type { AtaDisk } from './ataDisk.ts';
import { sense, type AtapiCdrom, type PacketAction, type Sense } from './atapiCdrom.ts';
import type { BusMasterIde } from './busMasterIde.ts';
import { DriveIo } from './driveIo.ts';

/** What the unit waits for; 'fetch' to 'dma' are work of its own that resume() takes up again. */
const phases = ['idle', 'pioIn', 'pioOut', 'fetch', 'store', 'flush', 'dma'] as const;
type Phase = (typeof phases)[number];

/** Moved between host and buffer at once. Bytes. */
const chunkSize = 128 << 10;
const packetSize = 12;

const idleTransfer = () => ({
  /** First sector or block that is not in the buffer yet (in), or not on the disk yet (out). */
  sector: 0,
  /** Sectors or blocks from `sector` on. */
  left: 0,
  toHost: true,
  dma: false,
  /** Whole CD sectors are wanted. */
  raw: false,
  durable: false,
  /** A command packet or its parameters are coming. */
  packet: false,
  parameters: false,
  /** Bytes between two interrupts. */
  block: sectorSize,
  /** In the buffer: how far the host is, and where the current block ends. */
  position: 0,
  end: 0,
});

export interface IdeUnitParts {
  readonly drive: AtaDisk | AtapiCdrom;
  readonly busMaster: BusMasterIde;
  /** The unit's interrupt has gone up or down. */
  interruptChanged(): void;
  /** The host cannot go on with this drive for now; the command is tried again by goOn(). */
  readonly onHostFailure: (error: Error) => void;
}

export class IdeUnit {
  readonly drive: AtaDisk | AtapiCdrom;
  readonly task: TaskFile = emptyTaskFile();
  status = 0;
  error = 0;
  #interrupt = false;
  readonly #parts: IdeUnitParts;
  readonly #io: DriveIo;
  #phase: Phase = 'idle';
  #transfer = idleTransfer();
  #buffer: Uint8Array = new Uint8Array();

  constructor(parts: IdeUnitParts) {
    this.#parts = parts;
    this.drive = parts.drive;
    this.#io = new DriveIo({ onStalled: parts.onHostFailure });
  }

  get interrupt(): boolean {
    return this.#interrupt;
  }
  acknowledge(): void {
    this.#setInterrupt(false);
  }
  #setInterrupt(high: boolean): void {
    if (high && !this.#interrupt) this.#parts.busMaster.interrupt();
    this.#interrupt = high;
    this.#parts.interruptChanged();
  }

  /** The diagnostic tells that it is done. */
  raise(): void {
    this.#setInterrupt(true);
  }

  /** SRST is set: busy until it is cleared, and deaf. */
  holdInReset(): void {
    this.resetDevice();
    this.status = status.busy;
  }

  /** The signature that follows a reset or a diagnostic. */
  resetDevice(): void {
    this.#io.cancel();
    this.#phase = 'idle';
    this.#transfer = idleTransfer();
    this.#buffer = new Uint8Array();
    this.drive.resetDevice();
    Object.assign(this.task, emptyTaskFile(), this.drive.signature);
    this.error = 1;
    // A packet device is not ready until it was asked for something.
    this.status = this.drive.kind === 'cdrom' ? 0 : status.ready | status.seek;
    this.#setInterrupt(false);
  }

  /** A command was written to the command register. */
  execute(): void {
    this.acknowledge();
    this.error = 0;
    this.#transfer = idleTransfer();
    const action = this.drive.decode(this.task);
    // A packet device that is asked as if it were a disk shows that it is not (§9.12).
    if (action.kind === 'refused' && this.drive.kind === 'cdrom')
      Object.assign(this.task, { count: 1, lba: this.drive.signature.lba });
    this.#begin(action);
  }

  #begin(action: AtaAction): void {
    switch (action.kind) {
      case 'done': {
        const { count, lba, lbaHigh } = action;
        if (count !== undefined) this.task.count = count;
        if (lba !== undefined) this.task.lba = lba;
        if (lbaHigh !== undefined) this.task.lbaHigh = lbaHigh;
        return this.#finish(true);
      }
      case 'refused':
        return this.#fail(action.error);
      case 'flush':
        return this.#work('flush');
      case 'packet':
        // The packet itself comes by PIO, without an interrupt.
        this.#transfer.packet = true;
        this.task.count = REASON_COMMAND;
        return this.#take(packetSize, packetSize, false);
      case 'data':
        this.#buffer = action.bytes;
        return this.#offer();
      case 'read':
      case 'write': {
        const { sector, sectors: left, dma, durable } = action;
        const toHost = action.kind === 'read';
        const block = action.blockSectors * sectorSize;
        Object.assign(this.#transfer, { sector, left, dma, durable, toHost, block });
        if (dma) return this.#work('dma');
        if (toHost) return this.#work('fetch');
        return this.#takeSectors(false);
      }
    }
  }

  // --- PIO --------------------------------------------------------------------------------------

  /** The data register, `width` bytes at once. */
  readData(width: number): number {
    if (this.#phase !== 'pioIn') return 0;
    const { position, end } = this.#transfer;
    let value = 0;
    for (let i = width - 1; i >= 0; i--)
      value = value * 256 + (position + i < end ? (this.#buffer[position + i] ?? 0) : 0);
    this.#transfer.position = Math.min(position + width, end);
    if (this.#transfer.position === end) this.#blockRead();
    return value;
  }

  writeData(width: number, value: number): void {
    if (this.#phase !== 'pioOut') return;
    const transfer = this.#transfer;
    for (let i = 0; i < width && transfer.position < transfer.end; i++)
      this.#buffer[transfer.position++] = (value >>> (8 * i)) & 0xff;
    if (transfer.position === transfer.end) this.#blockWritten();
  }

  /** The next block of the buffer is for the host to read. */
  #offer(): void {
    const transfer = this.#transfer;
    const { position, block } = transfer;
    transfer.end = Math.min(position + block, this.#buffer.length);
    this.#phase = 'pioIn';
    if (this.drive.kind === 'cdrom') this.#packetBlock(transfer.end - position, REASON_TO_HOST);
    this.status = status.ready | status.seek | status.request;
    this.#setInterrupt(true);
  }

  #packetBlock(length: number, reason: number): void {
    this.task.count = reason;
    this.task.lba = (this.task.lba & 0xff) | ((length & 0xffff) << 8);
  }

  #blockRead(): void {
    const transfer = this.#transfer;
    if (transfer.position < this.#buffer.length) this.#offer();
    else if (transfer.left > 0) this.#work('fetch');
    // An ATA read ends with its last block; a packet with a status of its own.
    else this.#finish(this.drive.kind === 'cdrom' && this.task.command === 0xa0);
  }

  /** `size` bytes are to come from the host, in blocks. */
  #take(size: number, block: number, interrupt: boolean): void {
    const transfer = this.#transfer;
    this.#buffer = new Uint8Array(size);
    transfer.position = 0;
    transfer.block = block;
    transfer.end = Math.min(block, size);
    this.#phase = 'pioOut';
    this.status = status.ready | status.seek | status.request;
    if (interrupt) this.#setInterrupt(true);
  }

  #takeSectors(interrupt: boolean): void {
    const size = Math.min(this.#transfer.left * sectorSize, chunkSize);
    this.#take(size, this.#transfer.block, interrupt);
  }

  #blockWritten(): void {
    const transfer = this.#transfer;
    if (transfer.packet) {
      transfer.packet = false;
      this.#performPacket();
    } else if (transfer.parameters) this.#finish(true);
    else if (transfer.position < this.#buffer.length) {
      transfer.end = Math.min(transfer.position + transfer.block, this.#buffer.length);
      this.#setInterrupt(true);
    } else this.#work('store');
  }

  // --- Packets ----------------------------------------------------------------------------------

  #performPacket(): void {
    if (this.drive.kind !== 'cdrom') return;
    const action = this.drive.perform(this.#buffer);
    this.#buffer = new Uint8Array();
    const transfer = this.#transfer;
    transfer.position = transfer.end = 0;
    transfer.dma = (this.task.features & 1) !== 0;
    transfer.toHost = true;
    // The host's limit for a block of PIO; 0 is as many as there can be.
    const limit = (this.task.lba >>> 8) & 0xfffe;
    transfer.block = limit === 0 ? 0xfffe : limit;
    this.#packetAction(action);
  }

  #packetAction(action: PacketAction): void {
    const transfer = this.#transfer;
    switch (action.kind) {
      case 'done':
        return this.#finish(true);
      case 'failed':
        return this.#checkCondition(action.sense);
      case 'parameters':
        transfer.parameters = true;
        transfer.toHost = false;
        this.#packetBlock(action.length, 0);
        if (!transfer.dma) return this.#take(action.length, action.length, true);
        this.#buffer = new Uint8Array(action.length);
        return this.#work('dma');
      case 'data':
        this.#buffer = action.bytes.slice();
        return transfer.dma ? this.#work('dma') : this.#offer();
      case 'read':
        transfer.sector = action.block;
        transfer.left = action.blocks;
        transfer.raw = action.raw;
        return this.#work(transfer.dma ? 'dma' : 'fetch');
    }
  }

  #checkCondition(why: Sense): void {
    if (this.drive.kind === 'cdrom') this.#fail(this.drive.keep(why));
  }

  // --- Work in the background -------------------------------------------------------------------

  #work(phase: Phase): void {
    this.#phase = phase;
    this.status = status.busy | status.ready | status.seek;
    this.goOn();
  }

  /** Takes up the work that the phase asks for, if it is not being done. */
  goOn(): void {
    if (this.#io.busy) return;
    if (this.#phase === 'fetch') this.#fetch(() => this.#offer());
    else if (this.#phase === 'store') this.#store(() => this.#stored());
    else if (this.#phase === 'dma') this.#dma();
    else if (this.#phase === 'flush' && this.drive.kind === 'disk') {
      const { backend } = this.drive;
      this.#io.run(
        () => backend.flush(),
        () => this.#finish(true),
        () => this.#fail(errorBit.aborted),
      );
    }
  }

  /** The next part of the medium into the buffer. */
  #fetch(then: () => void): void {
    const transfer = this.#transfer;
    const { sector, left, raw } = transfer;
    const { drive } = this;
    let read: () => Promise<Uint8Array>;
    let count: number;
    if (drive.kind === 'disk') {
      count = Math.min(left, chunkSize / sectorSize);
      const bytes = new Uint8Array(count * sectorSize);
      read = () => drive.backend.read(sector * sectorSize, [bytes]).then(() => bytes);
    } else {
      count = Math.min(left, chunkSize >>> 11);
      read = () => drive.readBlocks(sector, count, raw);
    }
    this.#io.run(
      read,
      (bytes) => {
        this.#buffer = bytes;
        transfer.position = 0;
        transfer.sector += count;
        transfer.left -= count;
        then();
      },
      () => this.#mediumFailed(),
    );
  }

  /** The buffer onto the disk. */
  #store(then: () => void): void {
    const { drive } = this;
    const transfer = this.#transfer;
    if (drive.kind !== 'disk') return;
    const buffer = this.#buffer;
    const count = buffer.length / sectorSize;
    const write = async (): Promise<void> => {
      await drive.backend.write(transfer.sector * sectorSize, [buffer]);
      if (transfer.durable && transfer.left === count) await drive.backend.flush();
    };
    this.#io.run(
      write,
      () => {
        transfer.sector += count;
        transfer.left -= count;
        transfer.position = 0;
        this.#buffer = new Uint8Array();
        then();
      },
      () => this.#mediumFailed(),
    );
  }

  #stored(): void {
    if (this.#transfer.left > 0) this.#takeSectors(true);
    else this.#finish(true);
  }

  #dma(): void {
    const { busMaster } = this.#parts;
    const transfer = this.#transfer;
    const { drive } = this;
    if (!busMaster.active(transfer.toHost)) return;
    if (transfer.toHost) {
      if (this.#buffer.length > 0) {
        const bytes = this.#buffer;
        this.#buffer = new Uint8Array();
        if (!busMaster.toMemory(bytes)) return;
      }
      if (transfer.left > 0) this.#fetch(() => this.#dma());
      else this.#dmaFinished();
    } else if (drive.kind === 'disk') {
      // A part that the host could not store is tried again as it is.
      if (this.#buffer.length === 0) {
        const bytes = new Uint8Array(Math.min(transfer.left * sectorSize, chunkSize));
        if (!busMaster.fromMemory(bytes)) return;
        this.#buffer = bytes;
      }
      this.#store(() => (transfer.left > 0 ? this.#dma() : this.#dmaFinished()));
    } else if (busMaster.fromMemory(this.#buffer)) this.#dmaFinished();
  }

  #dmaFinished(): void {
    this.#parts.busMaster.finished();
    this.#finish(true);
  }

  // --- Ends -------------------------------------------------------------------------------------

  #finish(interrupt: boolean): void {
    this.#phase = 'idle';
    this.#buffer = new Uint8Array();
    this.status = status.ready | status.seek;
    if (this.drive.kind === 'cdrom' && this.task.command === 0xa0)
      this.task.count = REASON_COMMAND | REASON_TO_HOST;
    if (interrupt) this.#setInterrupt(true);
  }

  #mediumFailed(): void {
    if (this.drive.kind === 'cdrom') return this.#checkCondition(sense.unrecoveredRead);
    this.task.lba = this.#transfer.sector & 0xff_ffff;
    this.#fail(this.#transfer.toHost ? errorBit.uncorrectable : errorBit.aborted);
  }

  #fail(error: number): void {
    this.error = error;
    this.#finish(false);
    this.status |= status.error;
    this.#setInterrupt(true);
  }

  settled(): Promise<void> {
    return this.#io.settled();
  }

  reset(): void {
    this.drive.reset();
    this.resetDevice();
  }

  save() {
    return {
      version: 1,
      data: {
        drive: this.drive.save(),
        task: { ...this.task },
        status: this.status,
        error: this.error,
        interrupt: this.#interrupt,
        phase: phases.indexOf(this.#phase),
        transfer: { ...this.#transfer },
        // Of any length; typed arrays in a state have a fixed one.
        buffer: { bytes: [...this.#buffer] },
      },
    };
  }

  /** The channel drives its line afterwards. */
  load(state: VersionedState): void {
    const data = checkedState('IDE unit', state, this.save());
    this.#io.cancel();
    this.drive.load(data.drive);
    Object.assign(this.task, data.task);
    this.status = data.status;
    this.error = data.error;
    this.#interrupt = data.interrupt;
    this.#phase = phases[data.phase] ?? 'idle';
    this.#transfer = { ...data.transfer };
    this.#buffer = Uint8Array.from(data.buffer.bytes);
  }
}
