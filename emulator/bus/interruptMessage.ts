/**
 * An interrupt as a message on the system bus (SDM 3A §10.11): what an I/O APIC or an MSI sends
 * to the local APICs. The same shape as `ApicMessage` of the vCPU contract.
 */
export interface InterruptMessage {
  /** Destination APIC ID or logical set. */
  readonly destination: number;
  readonly logical: boolean;
  readonly vector: number;
  /** 0 fixed, 1 lowest priority, 2 SMI, 4 NMI, 5 INIT, 7 ExtINT */
  readonly delivery: number;
  readonly level: boolean;
}

export type InterruptSink = (message: InterruptMessage) => void;

/** Decodes a memory write to 0xfeexxxxx (SDM 3A §10.11.1 address, §10.11.2 data). */
export function decodeMessageWrite(address: number, data: number): InterruptMessage {
  return {
    destination: (address >>> 12) & 0xff,
    logical: (address & 4) !== 0,
    vector: data & 0xff,
    delivery: (data >>> 8) & 7,
    level: (data & 0x8000) !== 0,
  };
}

/** The range of addresses whose writes are interrupt messages. */
export const messageAddressBase = 0xfee00000;
export const isMessageAddress = (address: number): boolean =>
  Math.floor(address / 0x100000) === messageAddressBase / 0x100000;
