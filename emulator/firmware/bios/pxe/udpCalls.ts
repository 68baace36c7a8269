/** The PXE API's UDP (PXE 2.1 §4.3.4): datagrams of one program. */
import type { BiosContext } from '../biosContext.ts';
import type { Datagram, NetStack } from './netStack.ts';
import { pxeStatus, type Parameters } from './parameters.ts';

export const udpCall = { open: 0x30, close: 0x31, read: 0x32, write: 0x33 } as const;
const mostWaiting = 32;
/** Of datagrams that name no port of their own (PXE 2.1 §4.3.4.3). */
const usualPort = 2069;
const longest = 1472;
const nowhere = new Uint8Array(4);
const isSet = (address: Uint8Array): boolean => address.some((byte) => byte !== 0);
const same = (a: Uint8Array, b: Uint8Array): boolean => a.every((byte, i) => byte === b[i]);

export class UdpCalls {
  readonly #context: BiosContext;
  readonly #stack: NetStack;
  #open = false;
  #waiting: Datagram[] = [];

  constructor(context: BiosContext, stack: NetStack) {
    this.#context = context;
    this.#stack = stack;
  }

  reset(): void {
    this.#open = false;
    this.#waiting = [];
  }

  input(datagram: Datagram): void {
    if (!this.#open || this.#waiting.length >= mostWaiting) return;
    const { source, target, payload } = datagram;
    const copies = { source: source.slice(), target: target.slice(), payload: payload.slice() };
    this.#waiting.push({ ...datagram, ...copies });
  }

  call(opcode: number, p: Parameters): number | 'wait' {
    switch (opcode) {
      case udpCall.open: {
        if (this.#open) return pxeStatus.udpOpen;
        this.#open = true;
        const own = p.bytes(2, 4);
        if (isSet(own)) this.#stack.address = own;
        return pxeStatus.success;
      }
      case udpCall.close:
        if (!this.#open) return pxeStatus.udpClosed;
        this.reset();
        return pxeStatus.success;
      case udpCall.read:
        return this.#open ? this.#read(p) : pxeStatus.udpClosed;
      default:
        return this.#open ? this.#write(p) : pxeStatus.udpClosed;
    }
  }

  #read(p: Parameters): number {
    const [target, port] = [p.bytes(6, 4), p.port(12)];
    const at = this.#waiting.findIndex(
      (one) =>
        (port === 0 || one.targetPort === port) && (!isSet(target) || same(target, one.target)),
    );
    const [datagram] = at < 0 ? [] : this.#waiting.splice(at, 1);
    if (datagram === undefined) return pxeStatus.failure;
    const room = p.get16(14);
    const bytes = datagram.payload.subarray(0, room);
    this.#context.memory.write(p.pointer(16), bytes);
    p.setBytes(2, datagram.source);
    p.setBytes(6, datagram.target);
    p.setPort(10, datagram.sourcePort);
    p.setPort(12, datagram.targetPort);
    p.set16(14, bytes.length);
    return pxeStatus.success;
  }

  #write(p: Parameters): number | 'wait' {
    const length = p.get16(14);
    if (length > longest) return pxeStatus.outOfResources;
    const router = p.bytes(6, 4);
    const datagram = {
      source: isSet(this.#stack.address) ? this.#stack.address : nowhere,
      target: p.bytes(2, 4),
      sourcePort: p.port(10) || usualPort,
      targetPort: p.port(12),
      payload: this.#context.memory.read(p.pointer(16), length),
    };
    const sent = isSet(router) ? this.#stack.send(datagram, router) : this.#stack.send(datagram);
    if (sent === 'wait') return 'wait';
    return sent === 'sent' ? pxeStatus.success : pxeStatus.arpTimeout;
  }

  save() {
    return { open: this.#open };
  }

  load({ open }: ReturnType<UdpCalls['save']>): void {
    this.#open = open;
    this.#waiting = [];
  }
}
