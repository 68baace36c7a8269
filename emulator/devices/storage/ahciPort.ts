/**
 * A port of an AHCI controller with its drive (AHCI 1.3.1 §3.3, §5): command list, received FISes, native
 * command queuing, hot plug (§7.3.1). Left out: FIS-based switching, power management.
 */
import { BlockError } from '../../backends/block.ts';
import { checkedState } from '../../bus/deviceState.ts';
import { guestPhysical, type DmaMemory, type VersionedState } from '../../bus/types.ts';
import { AhciCommand, wide } from './ahciCommand.ts';
import { ataCommand, errorBit, sectorSize, status, type AtaAction, type TaskFile } from './ata.ts';
import type { AtaDisk } from './ataDisk.ts';
import { sense, type AtapiCdrom, type PacketAction } from './atapiCdrom.ts';

/** Registers by number of dword, §3.3. */
const reg = {
  listLow: 0, listHigh: 1, fisLow: 2, fisHigh: 3, interruptStatus: 4, interruptEnable: 5, command: 6,
  task: 8, signature: 9, sataStatus: 10, sataControl: 11, sataError: 12, active: 13, issue: 14,
} as const; // prettier-ignore
const registers = 16;

/** PxCMD, §3.3.7. */
const cmd = {
  start: 1,
  fisReceive: 0x10,
  clearBusy: 8,
  fisRunning: 0x4000,
  listRunning: 0x8000,
} as const;
const CMD_WRITABLE = 0x1200_0017;
const CMD_ATAPI = 0x0100_0000;
/** Hot plug capable port. */
const CMD_HOT_PLUG = 0x0004_0000;
const POWERED = 6;
/** PxIS, §3.3.5. */
const irq = {
  register: 1,
  pioSetup: 2,
  deviceBits: 8,
  connect: 0x40,
  phyReady: 0x40_0000,
  taskError: 0x4000_0000,
} as const;
/** Drive present, 3 Gbit/s, active. */
const PRESENT = 0x123;
const SERR_EXCHANGED = 0x0400_0000;
const SERR_PHY_READY = 0x0001_0000;
/** Offsets in the received FIS area, §4.2.1. */
const received = { pioSetup: 0x20, register: 0x40, deviceBits: 0x58 } as const;

/** Moved between host and guest at once. Bytes. */
const chunkSize = 1 << 20;

/** The drive refused, or the host's file failed: the status and error registers of the end. */
class CommandFailed extends Error {
  readonly error: number;
  constructor(error: number) {
    super();
    this.error = error;
  }
}

export interface AhciPortParts {
  /** What it begins with. */
  readonly drive: AtaDisk | AtapiCdrom | undefined;
  readonly memory: DmaMemory;
  /** PxIS & PxIE may have changed; `raised` if a bit of it was set. */
  interruptChanged(raised: boolean): void;
  readonly onHostFailure: (error: Error) => void;
}

export class AhciPort {
  readonly #parts: AhciPortParts;
  readonly #registers = new Uint32Array(registers);
  #drive: AtaDisk | AtapiCdrom | undefined;
  /** Slots whose commands were begun and have not ended. */
  #begun = 0;
  /** Of these, those that are being worked on now. */
  #running = 0;
  /** An error has stopped the list until the host restarts it. */
  #halted = false;
  /** For the log page that tells of a failed queued command. */
  #failed = { tag: 0, status: 0, error: 0 };
  #epoch = 0;
  readonly #inFlight = new Set<Promise<void>>();

  constructor(parts: AhciPortParts) {
    this.#parts = parts;
    this.#drive = parts.drive;
  }

  /** A drive is plugged in while the machine runs (§7.3.1.1): the link comes up, and the host is told. */
  attach(drive: AtaDisk): void {
    drive.reset();
    this.#drive = drive;
    this.#set(reg.sataError, this.#get(reg.sataError) | SERR_PHY_READY);
    this.#signature();
    this.#raise(irq.phyReady);
  }

  /** The drive is pulled out, in the middle of whatever it does. Resolves when its last I/O has ended. */
  async detach(): Promise<void> {
    this.#abandon();
    this.#drive = undefined;
    this.#signature();
    this.#set(reg.sataError, this.#get(reg.sataError) | SERR_PHY_READY);
    this.#raise(irq.phyReady);
    await this.settled();
  }

  #get(index: number): number {
    return this.#registers[index] ?? 0;
  }
  #set(index: number, value: number): void {
    this.#registers[index] = value;
  }

  get interrupting(): boolean {
    return (this.#get(reg.interruptStatus) & this.#get(reg.interruptEnable)) !== 0;
  }

  /** `index` is the number of a dword in the port's 0x80 bytes. */
  read(index: number): number {
    return index < registers ? this.#get(index) : 0;
  }

  write(index: number, value: number): void {
    switch (index) {
      case reg.listLow:
        return this.#set(index, value & ~0x3ff);
      case reg.fisLow:
        return this.#set(index, value & ~0xff);
      case reg.listHigh:
      case reg.fisHigh:
        return this.#set(index, value);
      case reg.interruptStatus:
        this.#set(index, this.#get(index) & ~value);
        return this.#parts.interruptChanged(false);
      case reg.interruptEnable:
        this.#set(index, value);
        return this.#parts.interruptChanged(this.interrupting);
      case reg.command:
        return this.#writeCommand(value);
      case reg.sataControl: {
        const before = this.#get(index) & 0x0f;
        this.#set(index, value & 0xfff);
        // DET 1 holds the link in reset; letting go of it brings the drive back.
        if ((value & 0x0f) === 1) this.#resetDrive();
        else if (before === 1) this.#signature();
        return;
      }
      case reg.sataError:
        return this.#set(index, this.#get(index) & ~value);
      case reg.active:
      case reg.issue:
        if ((this.#get(reg.command) & cmd.start) === 0) return;
        this.#set(index, this.#get(index) | value);
        if (index === reg.issue) this.goOn();
    }
  }

  #writeCommand(value: number): void {
    const before = this.#get(reg.command);
    let now = (before & ~CMD_WRITABLE) | (value & CMD_WRITABLE);
    now = (now & cmd.start) === 0 ? now & ~cmd.listRunning : now | cmd.listRunning;
    now = (now & cmd.fisReceive) === 0 ? now & ~cmd.fisRunning : now | cmd.fisRunning;
    this.#set(reg.command, now);
    if ((value & cmd.clearBusy) !== 0)
      this.#set(reg.task, this.#get(reg.task) & ~(status.busy | status.request));
    if ((before & cmd.start) !== 0 && (now & cmd.start) === 0) {
      this.#abandon();
      this.#set(reg.active, 0);
      this.#set(reg.issue, 0);
    } else if ((before & cmd.start) === 0 && (now & cmd.start) !== 0) this.#halted = false;
    if ((before & cmd.fisReceive) === 0 && (now & cmd.fisReceive) !== 0) this.#sendRegisters(0);
  }

  /** What is on its way must not touch the guest any more. */
  #abandon(): void {
    this.#epoch++;
    this.#begun = this.#running = 0;
    this.#halted = false;
  }

  #resetDrive(): void {
    this.#abandon();
    this.#drive?.resetDevice();
    this.#set(reg.active, 0);
    this.#set(reg.issue, 0);
    this.#set(reg.sataStatus, 0);
    this.#set(reg.task, status.busy);
  }

  /** The drive is there (again) and says what it is. */
  #signature(): void {
    const drive = this.#drive;
    if (drive === undefined) {
      this.#set(reg.sataStatus, 0);
      this.#set(reg.task, 0x7f);
      this.#set(reg.signature, 0xffff_ffff);
      return;
    }
    this.#set(reg.sataStatus, PRESENT);
    this.#set(reg.sataError, this.#get(reg.sataError) | SERR_EXCHANGED);
    this.#set(reg.signature, (drive.signature.lba << 8) | drive.signature.count);
    this.#setTask(drive.kind === 'disk' ? status.ready | status.seek : status.seek, 1);
    this.#sendRegisters(irq.connect);
  }

  #setTask(state: number, error: number): void {
    this.#set(reg.task, (error << 8) | state);
  }

  /** Begins the commands that wait, and those that the host could not do before. */
  goOn(): void {
    if (this.#halted || (this.#get(reg.command) & cmd.start) === 0) return;
    for (let slot = 0; slot < 32; slot++) {
      const bit = 1 << slot;
      if (((this.#get(reg.issue) | this.#begun) & bit) === 0 || (this.#running & bit) !== 0)
        continue;
      if (!this.#begin(slot)) return;
    }
  }

  /** False if the command has to wait for others. */
  #begin(slot: number): boolean {
    const { memory } = this.#parts;
    const drive = this.#drive;
    const list = wide(this.#get(reg.listLow), this.#get(reg.listHigh));
    const command = new AhciCommand(memory, list, slot);
    const task = command.task();
    const queued =
      typeof task === 'object' &&
      (task.command === ataCommand.readFpdmaQueued || task.command === ataCommand.writeFpdmaQueued);
    // Only queued commands run side by side.
    if (!queued && this.#running !== 0) return false;
    if (drive === undefined || task === undefined) {
      this.#end(slot);
      return true;
    }
    if (typeof task === 'string') {
      drive.resetDevice();
      this.#end(slot);
      if (task === 'endReset') this.#signature();
      return true;
    }
    this.#begun |= 1 << slot;
    this.#running |= 1 << slot;
    if (queued) {
      // The drive has taken it: the slot's issue bit goes, its active bit stays.
      this.#set(reg.issue, this.#get(reg.issue) & ~(1 << slot));
      this.#setTask(status.ready | status.seek, 0);
    } else this.#setTask(status.busy | status.ready | status.seek, 0);
    const epoch = this.#epoch;
    const work = this.#perform(drive, command, task, slot).then(
      (pio) => epoch === this.#epoch && this.#done(slot, command, queued, pio),
      (error: unknown) => epoch === this.#epoch && this.#failedWith(slot, queued, error),
    );
    const tracked = work.then(() => {
      this.#inFlight.delete(tracked);
      if (epoch === this.#epoch && !this.#halted) this.goOn();
    });
    this.#inFlight.add(tracked);
    return true;
  }

  /** Resolves with whether the data came by PIO. */
  async #perform(
    drive: AtaDisk | AtapiCdrom,
    command: AhciCommand,
    task: TaskFile,
    slot: number,
  ): Promise<boolean> {
    const epoch = this.#epoch;
    // What was begun before a reset comes first.
    const before = [...this.#inFlight];
    if (this.#running === 1 << slot && before.length > 0) await Promise.all(before);
    if (epoch !== this.#epoch) return false;
    if (task.command === ataCommand.readLogExt && task.lba === 0x10) {
      command.toMemory(this.#errorLog());
      return true;
    }
    const action = drive.decode(task);
    switch (action.kind) {
      case 'done':
        return false;
      case 'refused':
        throw new CommandFailed(action.error);
      case 'data':
        command.toMemory(action.bytes);
        return true;
      case 'flush':
        if (drive.kind === 'disk') await drive.backend.flush();
        return false;
      case 'packet':
        if (drive.kind === 'cdrom') await this.#packet(drive, command, epoch);
        return false;
      case 'read':
      case 'write':
        if (drive.kind === 'disk') await this.#sectors(drive, command, action, epoch);
        return !action.dma;
    }
  }

  async #sectors(
    { backend }: AtaDisk,
    command: AhciCommand,
    action: Extract<AtaAction, { kind: 'read' | 'write' }>,
    epoch: number,
  ): Promise<void> {
    const { kind, sector, sectors, durable } = action;
    for (let at = 0; at < sectors * sectorSize; at += chunkSize) {
      const bytes = new Uint8Array(Math.min(chunkSize, sectors * sectorSize - at));
      const offset = sector * sectorSize + at;
      if (kind === 'read') {
        await backend.read(offset, [bytes]);
        if (epoch !== this.#epoch) return;
        // Regions shorter than the command: what does not fit is lost (§5.3.13.1, overflow).
        if (command.toMemory(bytes) < bytes.length) return;
      } else {
        if (command.fromMemory(bytes) < bytes.length) throw new CommandFailed(errorBit.aborted);
        await backend.write(offset, [bytes]);
        if (epoch !== this.#epoch) return;
      }
    }
    if (durable) await backend.flush();
  }

  async #packet(drive: AtapiCdrom, command: AhciCommand, epoch: number): Promise<void> {
    const action: PacketAction = drive.perform(command.packet());
    switch (action.kind) {
      case 'failed':
        throw new CommandFailed(drive.keep(action.sense));
      case 'data':
        command.toMemory(action.bytes);
        return;
      case 'read':
        for (let done = 0; done < action.blocks;) {
          const blocks = Math.min(action.blocks - done, chunkSize >>> 11);
          let bytes: Uint8Array;
          try {
            bytes = await drive.readBlocks(action.block + done, blocks, action.raw);
          } catch {
            throw new CommandFailed(drive.keep(sense.unrecoveredRead));
          }
          if (epoch !== this.#epoch || command.toMemory(bytes) < bytes.length) return;
          done += blocks;
        }
        return;
      case 'parameters':
      case 'done':
    }
  }

  /** ACS-2 §A.14, NCQ command error log. */
  #errorLog(): Uint8Array {
    const bytes = new Uint8Array(sectorSize);
    bytes[0] = this.#failed.tag;
    bytes[2] = this.#failed.status;
    bytes[3] = this.#failed.error;
    bytes[511] = -bytes.reduce((sum, byte) => sum + byte, 0) & 0xff;
    return bytes;
  }

  #end(slot: number): void {
    const mask = ~(1 << slot);
    this.#begun &= mask;
    this.#running &= mask;
    this.#set(reg.issue, this.#get(reg.issue) & mask);
  }

  #done(slot: number, command: AhciCommand, queued: boolean, pio: boolean): void {
    this.#end(slot);
    if (queued) {
      this.#set(reg.active, this.#get(reg.active) & ~(1 << slot));
      this.#sendDeviceBits(1 << slot);
      return;
    }
    command.writeCount();
    this.#setTask(status.ready | status.seek, 0);
    if (pio) this.#sendPioSetup();
    else this.#sendRegisters(irq.register);
  }

  #failedWith(slot: number, queued: boolean, error: unknown): void {
    if (error instanceof BlockError && error.code === 'no-space') {
      // Stays begun: goOn() does it again.
      this.#running &= ~(1 << slot);
      this.#parts.onHostFailure(error);
      return;
    }
    const bits = error instanceof CommandFailed ? error.error : errorBit.uncorrectable;
    const state = status.ready | status.seek | status.error;
    this.#setTask(state, bits);
    this.#running &= ~(1 << slot);
    this.#begun &= ~(1 << slot);
    this.#halted = true;
    this.#failed = { tag: slot, status: state, error: bits };
    if (queued) this.#sendDeviceBits(0);
    else this.#sendRegisters(irq.register);
    this.#raise(irq.taskError);
  }

  #receive(offset: number, fis: Uint8Array): void {
    if ((this.#get(reg.command) & cmd.fisReceive) === 0) return;
    const base = wide(this.#get(reg.fisLow), this.#get(reg.fisHigh));
    this.#parts.memory.write(guestPhysical(base + offset), fis);
  }

  /** Register - device to host (Serial ATA 2.6 §10.3.5). */
  #sendRegisters(cause: number): void {
    const task = this.#get(reg.task);
    const fis = new Uint8Array(20);
    fis.set([0x34, cause === 0 ? 0 : 0x40, task & 0xff, task >>> 8]);
    const { signature } = this.#drive ?? {};
    if (signature !== undefined) {
      fis.set([signature.lba & 0xff, (signature.lba >>> 8) & 0xff, signature.lba >>> 16], 4);
      fis[12] = signature.count;
    }
    this.#receive(received.register, fis);
    if (cause !== 0) this.#raise(cause);
  }

  #sendPioSetup(): void {
    const task = this.#get(reg.task);
    const fis = new Uint8Array(20);
    fis.set([0x5f, 0x60, status.ready | status.seek | status.request, 0]);
    fis[15] = task & 0xff;
    this.#receive(received.pioSetup, fis);
    this.#raise(irq.pioSetup);
  }

  #sendDeviceBits(finished: number): void {
    const task = this.#get(reg.task);
    const view = new DataView(new ArrayBuffer(8));
    view.setUint32(0, 0x40a1, true);
    view.setUint8(2, task & 0x77);
    view.setUint8(3, task >>> 8);
    view.setInt32(4, finished, true);
    this.#receive(received.deviceBits, new Uint8Array(view.buffer));
    this.#raise(irq.deviceBits);
  }

  #raise(cause: number): void {
    this.#set(reg.interruptStatus, this.#get(reg.interruptStatus) | cause);
    this.#parts.interruptChanged((this.#get(reg.interruptEnable) & cause) !== 0);
  }

  async settled(): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.all(this.#inFlight);
  }

  /** Power-on, and a reset of the controller. */
  reset(): void {
    this.#abandon();
    this.#failed = { tag: 0, status: 0, error: 0 };
    this.#registers.fill(0);
    const drive = this.#drive;
    drive?.reset();
    this.#set(reg.command, (drive?.kind === 'cdrom' ? CMD_ATAPI : 0) | CMD_HOT_PLUG | POWERED);
    this.#signature();
    this.#set(reg.interruptStatus, 0);
    this.#set(reg.sataError, 0);
  }

  save() {
    return {
      version: 1,
      data: {
        registers: this.#registers.slice(),
        begun: this.#begun,
        halted: this.#halted,
        failed: { ...this.#failed },
        drive: this.#drive?.save() ?? { version: 0, data: {} },
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState('AHCI port', state, this.save());
    this.#abandon();
    this.#registers.set(data.registers);
    this.#begun = data.begun;
    this.#halted = data.halted;
    this.#failed = { ...data.failed };
    this.#drive?.load(data.drive);
  }
}
