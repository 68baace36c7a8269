import type { InputEvent } from '../input/inputEvent.ts';
import type { AdapterChange, AdapterStatus } from '../net/networkStatus.ts';
import type { z } from 'zod';
import type { diskSchema } from '../vm/config.ts';
import type { EngineName, EngineSwitched } from '../vm/engines.ts';
import type { Frame, Thumbnail } from '../vm/frames.ts';

export interface SessionEvents {
  /** Bytes the guest wrote to a serial port since the last event. */
  serialOutput(vmId: string, portIndex: number, bytes: Uint8Array): void;
}

/** A drive with a medium that can be changed, counted from 0. */
export interface MediumDrive {
  readonly kind: 'cdrom' | 'floppy';
  readonly index: number;
}

/** Running VMs. Every method rejects with UserError. */
export interface SessionService {
  start(vmId: string): Promise<void>;
  pause(vmId: string): Promise<void>;
  resume(vmId: string): Promise<void>;
  reset(vmId: string): Promise<void>;
  /**
   * Moves a running or paused VM to another engine, until it is powered off. Rejects, with the guest going on where it is, if the other engine is
   * not to be had or does not take what the guest was told of its CPU.
   */
  switchEngine(vmId: string, engine: EngineName): Promise<EngineSwitched>;
  /** 'acpi' presses the power button; 'powerOff' pulls the plug. */
  stop(vmId: string, how: 'acpi' | 'powerOff'): Promise<void>;
  /** Attaches to a serial port: the recent output (up to 256 KiB), then events follow. */
  attachSerial(vmId: string, portIndex: number): Promise<Uint8Array>;
  detachSerial(vmId: string, portIndex: number): Promise<void>;
  sendSerial(vmId: string, portIndex: number, bytes: Uint8Array): Promise<void>;
  /**
   * The next picture of the screen for a viewer, a name that the caller makes up: the whole one at first,
   * then, as soon as there are some, the changes. Resolves after some seconds without any, too.
   */
  nextFrame(vmId: string, viewer: string): Promise<Frame>;
  /** The screen, at most `widest` pixels wide. */
  thumbnail(vmId: string, widest: number): Promise<Thumbnail>;
  /** What the user does with keyboard and pointer, in order. */
  sendInput(vmId: string, events: InputEvent[]): Promise<void>;
  /** Tells the guest how many pixels the window has for its screen; what it makes of that is its own affair. */
  setScreenSize(vmId: string, width: number, height: number): Promise<void>;
  /** Puts an image into a drive, or takes out what is in it (null); also of a VM that is off. It is remembered. */
  changeMedium(vmId: string, drive: MediumDrive, path: string | null): Promise<void>;
  /**
   * Attaches a disk, behind the others, which is remembered. A running VM takes SATA disks only, and only if it has a
   * SATA drive already; the disk's port is chosen here.
   */
  attachDisk(vmId: string, disk: z.input<typeof diskSchema>): Promise<void>;
  /** Detaches a disk, counted from 0; of a running VM a SATA disk, which the guest should have let go of. */
  detachDisk(vmId: string, index: number): Promise<void>;
  /** Engine and device counters of a running VM. */
  counters(vmId: string): Promise<Record<string, number>>;
  /** The network adapters in order. */
  networkStatus(vmId: string): Promise<AdapterStatus[]>;
  /** Changes an adapter, counted from 0, until the machine is powered off. */
  changeAdapter(vmId: string, index: number, change: AdapterChange): Promise<void>;
}
