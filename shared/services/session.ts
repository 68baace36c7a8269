export interface SessionEvents {
  /** Bytes the guest wrote to a serial port since the last event. */
  serialOutput(vmId: string, portIndex: number, bytes: Uint8Array): void;
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
  /** Engine and device counters of a running VM. */
  counters(vmId: string): Promise<Record<string, number>>;
}
