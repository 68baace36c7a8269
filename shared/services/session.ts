import type { InputEvent } from '../input/inputEvent.ts';
import type { AdapterChange, AdapterStatus } from '../net/networkStatus.ts';
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
  /** Engine and device counters of a running VM. */
  counters(vmId: string): Promise<Record<string, number>>;
  /** The network adapters in order. */
  networkStatus(vmId: string): Promise<AdapterStatus[]>;
  /** Changes an adapter, counted from 0, until the machine is powered off. */
  changeAdapter(vmId: string, index: number, change: AdapterChange): Promise<void>;
}
