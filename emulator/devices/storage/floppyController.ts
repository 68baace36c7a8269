/**
 * The floppy controller of a PC: an Intel 82077AA in AT mode (data sheet 290166), with DMA or programmed I/O.
 * The mechanics take no time. Scan commands, deleted-data marks, sector sizes but 512 bytes and the PS/2
 * registers are left out.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type {
  Clock,
  Device,
  DeviceId,
  IoRegion,
  IrqLine,
  VersionedState,
} from '../../bus/types.ts';
import type { DmaChannel } from '../legacy/dma8237.ts';
import { DriveIo } from './driveIo.ts';
import { floppyCommand, mainStatus, st0, st1, st2, st3 } from './floppyCommands.ts';
import { floppySectorSize, type FloppyDrive } from './floppyDrive.ts';
import { planTransfer, type FloppyPlan, type TransferEnd } from './floppyTransfer.ts';

/** Where a command is; 'fetch' and 'store' are work of the host's that resume() takes up again. */
const phases = ['command', 'fetch', 'send', 'receive', 'store', 'result'] as const;
type Phase = (typeof phases)[number];

const DOR_RUNNING = 0x04;
const DOR_INTERRUPTS = 0x08;
const DSR_RESET = 0x80;
const SPECIFY_NO_DMA = 0x01;
const CONFIGURE_IMPLIED_SEEK = 0x40;
/** FIFO off, polling on: after a reset. */
const CONFIGURE_RESET = 0x20;
const revolutionNs = 200e6;

export interface FloppyControllerParts {
  readonly clock: Clock;
  readonly irq: IrqLine;
  readonly dma: DmaChannel;
  /** A and B. */
  readonly drives: readonly [FloppyDrive | undefined, FloppyDrive | undefined];
  readonly onHostFailure: (error: Error) => void;
}

const powerOn = () => ({
  /** Digital output register: drive, running, interrupts, motors. */
  output: 0,
  rate: 2,
  tape: 0,
  interrupt: false,
  locked: false,
  configuration: CONFIGURE_RESET,
  precompensationTrack: 0,
  specify: [0, 0],
  perpendicular: 0,
  lastSector: 0,
  /** SENSE INTERRUPT STATUS has an ST0 to tell, by drive; -1 for none. */
  sense: [-1, -1, -1, -1],
  seeking: 0,
  position: 0,
});

export class FloppyController implements Device {
  readonly id: DeviceId = 'floppy';
  readonly #parts: FloppyControllerParts;
  readonly #io: DriveIo;
  #state = powerOn();
  #phase: Phase = 'command';
  #command: number[] = [];
  #result: number[] = [];
  #buffer: Uint8Array = new Uint8Array();
  /** The terminal count came before the last sector did. */
  #counted = false;

  constructor(parts: FloppyControllerParts) {
    this.#parts = parts;
    this.#io = new DriveIo({ onStalled: parts.onHostFailure });
    parts.dma.onChange(() => this.#moveByDma());
  }

  /** Ports 0x3f0..0x3f5. */
  readonly region: IoRegion = byteRegion({
    read: (offset) => {
      if (offset === 2) return this.#state.output;
      if (offset === 3) return this.#state.tape;
      if (offset === 4) return this.#mainStatus();
      return offset === 5 ? this.#readFifo() : 0xff;
    },
    write: (offset, value) => {
      if (offset === 2) this.#writeOutput(value);
      else if (offset === 3) this.#state.tape = value & 3;
      else if (offset === 4) this.#writeRate(value);
      else if (offset === 5) this.#writeFifo(value);
    },
  });

  /** Port 0x3f7: disk change, and the data rate. */
  readonly changeRegion: IoRegion = byteRegion({
    read: () => {
      const unit = this.#state.output & 3;
      const spinning = (this.#state.output & (0x10 << unit)) !== 0;
      return spinning && this.#drive(unit)?.changed === true ? 0x80 : 0;
    },
    write: (_offset, value) => {
      this.#state.rate = value & 3;
    },
  });

  #drive(unit: number): FloppyDrive | undefined {
    return this.#parts.drives[unit & 3];
  }

  get #running(): boolean {
    return (this.#state.output & DOR_RUNNING) !== 0;
  }

  #interrupt(high: boolean): void {
    this.#state.interrupt = high;
    this.#parts.irq.set(high && (this.#state.output & DOR_INTERRUPTS) !== 0);
  }

  // --- Registers ----------------------------------------------------------------------------------

  #mainStatus(): number {
    if (!this.#running) return 0;
    const { seeking } = this.#state;
    const programmed = this.#programmed ? mainStatus.programmed : 0;
    switch (this.#phase) {
      case 'command':
        return mainStatus.request | (this.#command.length > 0 ? mainStatus.busy : 0) | seeking;
      case 'result':
        return mainStatus.request | mainStatus.toHost | mainStatus.busy | seeking;
      case 'send':
        return programmed === 0
          ? mainStatus.busy
          : mainStatus.request | mainStatus.toHost | mainStatus.busy | programmed;
      case 'receive':
        return programmed === 0
          ? mainStatus.busy
          : mainStatus.request | mainStatus.busy | programmed;
      case 'fetch':
      case 'store':
        return mainStatus.busy | programmed;
    }
  }

  #writeOutput(value: number): void {
    const before = this.#state.output;
    this.#state.output = value;
    if ((value & DOR_RUNNING) === 0) this.#stop();
    else if ((before & DOR_RUNNING) === 0) this.#started();
    else this.#interrupt(this.#state.interrupt);
  }

  #writeRate(value: number): void {
    this.#state.rate = value & 3;
    if ((value & DSR_RESET) === 0) return;
    this.#stop();
    if (this.#running) this.#started();
  }

  /** What a software reset ends and forgets (§7). */
  #stop(): void {
    this.#io.cancel();
    this.#toCommand();
    const state = this.#state;
    state.sense = [-1, -1, -1, -1];
    state.seeking = 0;
    state.perpendicular &= 0x3c;
    if (!state.locked) {
      state.configuration = (state.configuration & CONFIGURE_IMPLIED_SEEK) | CONFIGURE_RESET;
      state.precompensationTrack = 0;
    }
    this.#interrupt(false);
  }

  /** After a reset the drives are polled, and all are found to have become ready. */
  #started(): void {
    this.#state.sense = [0, 1, 2, 3].map((unit) => st0.polled | unit);
    this.#interrupt(true);
  }

  #readFifo(): number {
    if (this.#phase === 'send' && this.#programmed) {
      const value = this.#buffer[this.#state.position++] ?? 0;
      if (this.#state.position >= this.#buffer.length) this.#moved(false);
      return value;
    }
    if (this.#phase !== 'result') return 0;
    this.#interrupt(false);
    const value = this.#result.shift() ?? 0;
    if (this.#result.length === 0) this.#toCommand();
    return value;
  }

  #writeFifo(value: number): void {
    if (!this.#running) return;
    if (this.#phase === 'receive' && this.#programmed) {
      this.#buffer[this.#state.position++] = value;
      if (this.#state.position >= this.#buffer.length) this.#work('store');
      return;
    }
    if (this.#phase !== 'command') return;
    this.#command.push(value);
    const { length } = floppyCommand(this.#command[0] ?? 0);
    if (this.#command.length >= length) this.#execute();
  }

  #toCommand(): void {
    this.#phase = 'command';
    this.#command = [];
    this.#result = [];
    this.#buffer = new Uint8Array();
    this.#counted = false;
    this.#state.position = 0;
  }

  // --- Commands -----------------------------------------------------------------------------------

  #answer(...bytes: number[]): void {
    this.#result = bytes;
    this.#phase = 'result';
  }

  #execute(): void {
    const [code = 0, first = 0, second = 0, third = 0] = this.#command;
    const state = this.#state;
    const unit = first & 3;
    const drive = this.#drive(unit);
    switch (floppyCommand(code).name) {
      case 'senseInterrupt':
        return this.#senseInterrupt();
      case 'specify':
        state.specify = [first, second];
        return this.#toCommand();
      case 'configure':
        state.configuration = second & 0x7f;
        state.precompensationTrack = third;
        return this.#toCommand();
      case 'perpendicular':
        // Without OW only GAP and WGATE are written.
        state.perpendicular =
          (first & 0x80) !== 0 ? first & 0x3f : (state.perpendicular & 0x3c) | (first & 3);
        return this.#toCommand();
      case 'lock':
        state.locked = (code & 0x80) !== 0;
        return this.#answer(state.locked ? 0x10 : 0);
      case 'version':
        return this.#answer(0x90);
      case 'dump':
        return this.#answer(
          ...[0, 1, 2, 3].map((n) => this.#drive(n)?.cylinder ?? 0),
          ...state.specify,
          state.lastSector,
          (state.locked ? 0x80 : 0) | state.perpendicular,
          state.configuration,
          state.precompensationTrack,
        );
      case 'senseDrive':
        return this.#answer(
          (first & 7) |
            st3.ready |
            (drive === undefined
              ? 0
              : st3.twoSided |
                (drive.cylinder === 0 ? st3.track0 : 0) |
                (drive.writeProtected ? st3.writeProtected : 0)),
        );
      case 'recalibrate':
        drive?.seek(0);
        // Without a drive the head never comes to track 0.
        return this.#sought(unit, drive === undefined ? st0.abnormal | st0.equipmentCheck : 0);
      case 'seek':
        drive?.seek(second);
        return this.#sought(first & 7, 0);
      case 'relativeSeek':
        drive?.seek(drive.cylinder + ((code & 0x40) !== 0 ? second : -second));
        return this.#sought(first & 7, 0);
      case 'readId':
        return this.#readId(first);
      case 'readData':
      case 'readTrack':
      case 'verify':
      case 'writeData':
      case 'format':
        return this.#transfer();
      case 'invalid':
        return this.#answer(st0.invalid);
    }
  }

  #sought(unitAndHead: number, flags: number): void {
    const unit = unitAndHead & 3;
    this.#state.sense[unit] = st0.seekEnd | flags | unitAndHead;
    this.#state.seeking |= 1 << unit;
    this.#toCommand();
    this.#interrupt(true);
  }

  #senseInterrupt(): void {
    const { sense } = this.#state;
    const unit = sense.findIndex((status) => status >= 0);
    if (unit < 0) return this.#answer(st0.invalid);
    const status = sense[unit] ?? 0;
    sense[unit] = -1;
    this.#state.seeking &= ~(1 << unit);
    this.#interrupt(false);
    this.#answer(status, this.#drive(unit)?.cylinder ?? 0);
  }

  /** The sector that passes under the head. */
  #readId(unitAndHead: number): void {
    const head = (unitAndHead >>> 2) & 1;
    const drive = this.#spinning(unitAndHead & 3);
    const format = drive?.format;
    if (drive === undefined || format === undefined || head >= format.heads) {
      return this.#end(st1.missingAddress, 0, [0, 0, 0, 0]);
    }
    const turned = (this.#parts.clock.nowNs() % revolutionNs) / revolutionNs;
    this.#end(0, 0, [drive.cylinder, head, 1 + Math.floor(turned * format.sectors), 2]);
  }

  /** The drive, if its disk turns and can be read at the rate that is set. */
  #spinning(unit: number): FloppyDrive | undefined {
    const drive = this.#drive(unit);
    const format = drive?.format;
    if (drive === undefined || format === undefined) return undefined;
    if ((this.#state.output & (0x10 << unit)) === 0) return undefined;
    if (!format.rates.includes(this.#state.rate)) return undefined;
    return drive.cylinder < format.cylinders ? drive : undefined;
  }

  // --- Transfers ----------------------------------------------------------------------------------

  get #plan(): FloppyPlan | TransferEnd {
    const unit = (this.#command[1] ?? 0) & 3;
    const drive = this.#spinning(unit);
    if (drive?.format === undefined) return { st1: st1.missingAddress, st2: 0 };
    return planTransfer(this.#command, drive.format, drive.cylinder);
  }

  get #programmed(): boolean {
    return ((this.#state.specify[1] ?? 0) & SPECIFY_NO_DMA) !== 0;
  }

  #transfer(): void {
    const [code = 0, unit = 0, cylinder = 0, third = 0] = this.#command;
    const { name } = floppyCommand(code);
    this.#state.lastSector = (name === 'format' ? third : this.#command[6]) ?? 0;
    const drive = this.#drive(unit);
    if (name !== 'format' && (this.#state.configuration & CONFIGURE_IMPLIED_SEEK) !== 0)
      drive?.seek(cylinder);
    const plan = this.#plan;
    if ('st1' in plan) return this.#end(plan.st1, plan.st2);
    if (name === 'writeData' || name === 'format') {
      if (drive?.writeProtected === true) return this.#end(st1.notWritable, 0);
      this.#buffer = new Uint8Array(plan.bytes);
      this.#phase = 'receive';
      if (plan.bytes === 0) return this.#work('store');
      if (this.#programmed) this.#interrupt(true);
      else this.#moveByDma();
      return;
    }
    this.#work('fetch');
  }

  /** DMA is programmed before the command as a rule, but may come later. */
  #moveByDma(): void {
    if (this.#programmed) return;
    const { dma } = this.#parts;
    if (this.#phase === 'send' && dma.ready('toMemory')) {
      const bytes = Math.min(this.#buffer.length, dma.left);
      this.#state.position = bytes;
      this.#moved(dma.toMemory(this.#buffer.subarray(0, bytes)));
    } else if (this.#phase === 'receive' && dma.ready('fromMemory')) {
      const bytes = Math.min(this.#buffer.length, dma.left);
      this.#state.position = bytes;
      this.#counted = dma.fromMemory(this.#buffer.subarray(0, bytes));
      this.#work('store');
    }
  }

  /** Host I/O for the command; done again if the host stalls. */
  #work(phase: 'fetch' | 'store'): void {
    this.#phase = phase;
    const plan = this.#plan;
    const drive = this.#drive((this.#command[1] ?? 0) & 3);
    // The disk has been taken out.
    if ('st1' in plan || drive === undefined) return this.#end(st1.missingAddress, 0);
    const fetched = new Uint8Array(plan.bytes);
    this.#io.run(
      async () => {
        if (phase === 'store') return plan.store(drive, this.#buffer, this.#state.position);
        let at = 0;
        for (const { lba, sectors } of plan.runs) {
          const end = at + sectors * floppySectorSize;
          await drive.read(lba, fetched.subarray(at, end));
          at = end;
        }
      },
      () => {
        if (phase === 'store') return this.#moved(this.#counted);
        this.#buffer = fetched;
        this.#state.position = 0;
        if (floppyCommand(this.#command[0] ?? 0).name === 'verify') {
          this.#state.position = fetched.length;
          return this.#moved(true);
        }
        this.#phase = 'send';
        if (this.#programmed) this.#interrupt(true);
        else this.#moveByDma();
      },
      () => this.#end(0x20, 0x20),
    );
  }

  /** All that could be moved has been; without a terminal count the track has ended first. */
  #moved(counted: boolean): void {
    const plan = this.#plan;
    if ('st1' in plan) return this.#end(plan.st1, plan.st2);
    const next = plan.after(Math.ceil(this.#state.position / floppySectorSize));
    if (counted) this.#end(0, 0, next);
    else this.#end(plan.st1AtEnd, 0, next);
  }

  #end(first: number, second: number, id?: readonly number[]): void {
    const unitAndHead = (this.#command[1] ?? 0) & 7;
    const wrong = first !== 0 || (second & (st2.wrongCylinder | st2.badCylinder)) !== 0;
    const next = id ?? this.#command.slice(2, 6);
    this.#answer(
      (wrong ? st0.abnormal : 0) | unitAndHead,
      ...[first, second],
      ...[0, 1, 2, 3].map((i) => next[i] ?? 0),
    );
    this.#interrupt(true);
  }

  // --- Device -------------------------------------------------------------------------------------

  async pause(): Promise<void> {
    await this.#io.settled();
  }

  resume(): void {
    if ((this.#phase === 'fetch' || this.#phase === 'store') && !this.#io.busy)
      this.#work(this.#phase);
  }

  reset(): void {
    this.#io.cancel();
    this.#state = powerOn();
    this.#toCommand();
    for (const drive of this.#parts.drives) drive?.reset();
    this.#interrupt(false);
  }

  save() {
    return {
      version: 1,
      data: {
        state: structuredClone(this.#state),
        phase: phases.indexOf(this.#phase),
        command: [...this.#command],
        result: [...this.#result],
        buffer: { bytes: [...this.#buffer] },
        counted: this.#counted,
        drives: this.#parts.drives.map((drive) => drive?.save() ?? { cylinder: 0, changed: true }),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#io.cancel();
    this.#state = structuredClone(data.state);
    this.#phase = phases[data.phase] ?? 'command';
    this.#command = [...data.command];
    this.#result = [...data.result];
    this.#buffer = Uint8Array.from(data.buffer.bytes);
    this.#counted = data.counted;
    this.#parts.drives.forEach((drive, i) => {
      const saved = data.drives[i];
      if (saved !== undefined) drive?.load(saved);
    });
    this.#interrupt(this.#state.interrupt);
  }
}
