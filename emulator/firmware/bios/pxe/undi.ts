/**
 * UNDI (PXE 2.1 §4.4): frames for a program's own network stack. It is to be polled: no interrupt comes.
 * Left out: filters other than those of a card without promiscuous mode, and its statistics of errors.
 */
import { setU16 } from '../../../net/packet/byteOrder.ts';
import { broadcastMac, etherTypeOf } from '../../../net/packet/ethernet.ts';
import type { BiosContext } from '../biosContext.ts';
import { readPciConfig } from '../pciBios.ts';
import type { NetStack } from './netStack.ts';
import { pxeStatus, type Parameters } from './parameters.ts';
import { undiLayout, undiSegment } from './pxeMemory.ts';

export const undi = {
  start: 0x00,
  startup: 0x01,
  cleanup: 0x02,
  initialize: 0x03,
  resetAdapter: 0x04,
  shutdown: 0x05,
  open: 0x06,
  close: 0x07,
  transmit: 0x08,
  setMulticast: 0x09,
  setAddress: 0x0a,
  setFilter: 0x0b,
  information: 0x0c,
  statistics: 0x0d,
  clearStatistics: 0x0e,
  diagnostics: 0x0f,
  forceInterrupt: 0x10,
  multicastAddress: 0x11,
  nicType: 0x12,
  interfaceInfo: 0x13,
  isr: 0x14,
  stop: 0x15,
} as const;

const isrIn = { start: 1, process: 2, next: 3 } as const;
const isrOut = { ours: 0, notOurs: 1, done: 0, receive: 3 } as const;
const largestFrame = 1514;
const mostBlocks = 8;
/** EtherTypes of P_IP, P_ARP and P_RARP. */
const etherTypes = [0, 0x0800, 0x0806, 0x8035] as const;

export class Undi {
  readonly #context: BiosContext;
  readonly #stack: NetStack;
  readonly #openAdapter: () => void;
  /** A program takes the frames. */
  raw = false;
  #sent = 0;
  #received = 0;

  constructor(context: BiosContext, stack: NetStack, openAdapter: () => void) {
    this.#context = context;
    this.#stack = stack;
    this.#openAdapter = openAdapter;
  }

  reset(): void {
    this.raw = false;
    this.#sent = this.#received = 0;
  }

  /** The status of a call, or undefined for one that there is not. */
  call(opcode: number, p: Parameters): number | undefined {
    const { adapter } = this.#stack;
    if (adapter === undefined) return pxeStatus.undiInvalidState;
    switch (opcode) {
      case undi.start:
      case undi.startup:
      case undi.initialize:
      case undi.resetAdapter:
        this.#openAdapter();
        return pxeStatus.success;
      case undi.open:
        this.#openAdapter();
        this.raw = true;
        return pxeStatus.success;
      case undi.close:
        this.raw = false;
        return pxeStatus.success;
      case undi.cleanup:
      case undi.shutdown:
      case undi.stop:
        this.raw = false;
        adapter.close();
        return pxeStatus.success;
      case undi.setMulticast:
      case undi.setFilter:
      case undi.forceInterrupt:
        return pxeStatus.success;
      case undi.transmit:
        return this.#transmit(p);
      case undi.setAddress:
        this.#stack.mac = p.bytes(2, 6);
        return pxeStatus.success;
      case undi.information:
        return this.#information(p);
      case undi.statistics:
        [this.#sent, this.#received, 0, 0].forEach((value, i) => p.set32(2 + 4 * i, value));
        return pxeStatus.success;
      case undi.clearStatistics:
        this.#sent = this.#received = 0;
        return pxeStatus.success;
      case undi.multicastAddress: {
        const [, b = 0, c = 0, d = 0] = p.bytes(2, 4);
        p.setBytes(6, Uint8Array.of(0x01, 0x00, 0x5e, b & 0x7f, c, d));
        return pxeStatus.success;
      }
      case undi.nicType:
        return this.#nicType(p, adapter.place.bdf);
      case undi.interfaceInfo:
        p.setBytes(2, new TextEncoder().encode('DIX+802.3'.padEnd(16, '\0')));
        p.set32(18, 1_000_000_000);
        // Broadcast, multicast, group multicast, promiscuous and settable address; no interrupts.
        p.set32(22, 0x0000_001f);
        p.setBytes(26, new Uint8Array(16));
        return pxeStatus.success;
      case undi.isr:
        return this.#isr(p);
      default:
        return undefined;
    }
  }

  #information(p: Parameters): number {
    const padded = (mac: Uint8Array): Uint8Array => {
      const bytes = new Uint8Array(16);
      bytes.set(mac);
      return bytes;
    };
    // Ports, interrupt: none; MTU, Ethernet, address of six bytes.
    [0, 0, 1500, 1, 6].forEach((value, i) => p.set16(2 + 2 * i, value));
    p.setBytes(12, padded(this.#stack.mac));
    p.setBytes(28, padded(this.#stack.adapter?.place.mac ?? new Uint8Array(6)));
    [0, 64, 1].forEach((value, i) => p.set16(44 + 2 * i, value));
    return pxeStatus.success;
  }

  #nicType(p: Parameters, bdf: number): number {
    const read = (register: number, width: 1 | 2): number =>
      readPciConfig(this.#context, bdf, register, width);
    p.set8(2, 2); // PCI
    p.set16(3, read(0x00, 2));
    p.set16(5, read(0x02, 2));
    p.set8(7, read(0x0b, 1));
    p.set8(8, read(0x0a, 1));
    p.set8(9, read(0x09, 1));
    p.set8(10, read(0x08, 1));
    p.set16(11, bdf);
    p.set16(13, read(0x2c, 2));
    p.set16(15, read(0x2e, 2));
    return pxeStatus.success;
  }

  #transmit(p: Parameters): number {
    const { adapter, mac } = this.#stack;
    const protocol = p.get8(2);
    const { memory } = this.#context;
    const descriptor = p.pointer(8);
    const parts: Uint8Array[] = [];
    if (protocol > 0) {
      const type = etherTypes[protocol];
      if (type === undefined) return pxeStatus.undiTransmitError;
      const header = new Uint8Array(14);
      header.set((p.get8(3) & 1) === 1 ? broadcastMac : memory.read(p.pointer(4), 6));
      header.set(mac, 6);
      setU16(header, 12, type);
      parts.push(header);
    }
    const block = (address: number, length: number): void => {
      if (length <= largestFrame) parts.push(memory.read(address, length));
    };
    const far = (at: number): number => memory.read16(at + 2) * 16 + memory.read16(at);
    block(far(descriptor + 2), memory.read16(descriptor));
    const count = Math.min(mostBlocks, memory.read16(descriptor + 6));
    for (let at = descriptor + 8; at < descriptor + 8 + 8 * count; at += 8) {
      // Type 0: a physical address; 1: segment and offset.
      const address = memory.read8(at) === 0 ? memory.read32(at + 4) : far(at + 4);
      block(address, memory.read16(at + 2));
    }
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    if (adapter === undefined || length < 14 || length > largestFrame)
      return pxeStatus.undiTransmitError;
    const frame = new Uint8Array(Math.max(60, length));
    let at = 0;
    for (const part of parts) {
      frame.set(part, at);
      at += part.length;
    }
    this.#openAdapter();
    adapter.send(frame);
    this.#sent++;
    return pxeStatus.success;
  }

  #isr(p: Parameters): number {
    const { adapter } = this.#stack;
    const asked = p.get16(2);
    if (asked === isrIn.start) {
      p.set16(2, this.raw && adapter?.waiting === true ? isrOut.ours : isrOut.notOurs);
      return pxeStatus.success;
    }
    let frame = this.raw ? adapter?.receive() : undefined;
    while (frame !== undefined && !this.#stack.isForUs(frame)) frame = adapter?.receive();
    if (frame === undefined) {
      p.set16(2, isrOut.done);
      return pxeStatus.success;
    }
    this.#received++;
    this.#context.memory.write(undiSegment * 16 + undiLayout.frame, frame);
    p.set16(2, isrOut.receive);
    p.set16(4, frame.length);
    p.set16(6, frame.length);
    p.set16(8, 14);
    p.setPointer(10, undiSegment, undiLayout.frame);
    p.set8(14, Math.max(0, etherTypes.indexOf(etherTypeOf(frame) as 0x0800)));
    const first = frame[0] as number;
    p.set8(15, first === 0xff ? 1 : first & 1 ? 2 : 0);
    return pxeStatus.success;
  }

  save() {
    return { raw: this.raw, sent: this.#sent, received: this.#received };
  }

  load({ raw, sent, received }: ReturnType<Undi['save']>): void {
    this.raw = raw;
    [this.#sent, this.#received] = [sent, received];
  }
}
