/** The PXE API's TFTP (PXE 2.1 §4.3.3): files block by block, whole, or just their size. */
import { u32 } from '../../../net/packet/byteOrder.ts';
import type { BiosContext } from '../biosContext.ts';
import { pxeStatus, type Parameters } from './parameters.ts';
import type { TftpClient } from './tftpClient.ts';

export const tftpCall = {
  open: 0x20,
  close: 0x21,
  read: 0x22,
  readFile: 0x23,
  fileSize: 0x25,
} as const;

const nameLength = 128;
const tftpPort = 69;
const usualBlock = 512;
const largestBlock = 1432;

export class TftpCalls {
  readonly #context: BiosContext;
  readonly #tftp: TftpClient;
  /** Address of the frame of a call that waits, or -1, and bytes that it has read. */
  #caller = -1;
  #read = 0;

  constructor(context: BiosContext, tftp: TftpClient) {
    this.#context = context;
    this.#tftp = tftp;
  }

  reset(): void {
    this.#caller = -1;
    this.#read = 0;
  }

  get busy(): boolean {
    return this.#caller >= 0;
  }

  call(opcode: number, p: Parameters, caller: number): number | 'wait' {
    const first = this.#caller !== caller;
    const status = this.#one(opcode, p, first);
    if (status === 'wait') this.#caller = caller;
    else this.reset();
    return status;
  }

  #one(opcode: number, p: Parameters, first: boolean): number | 'wait' {
    switch (opcode) {
      case tftpCall.open:
        if (first) {
          const wanted = p.get16(140);
          const blockSize = Math.min(largestBlock, Math.max(usualBlock, wanted));
          this.#begin(p, { server: 2, router: 6, name: 10 }, p.port(138) || tftpPort, blockSize);
        }
        return this.#opened(() => p.set16(140, this.#tftp.blockSize));
      case tftpCall.close:
        if (this.#tftp.phase === 'idle') return pxeStatus.tftpClosed;
        this.#tftp.close();
        return pxeStatus.success;
      case tftpCall.read:
        return this.#readBlock(p);
      case tftpCall.readFile:
        if (first) {
          this.#read = 0;
          const port = p.port(152) || tftpPort;
          this.#begin(p, { server: 138, router: 142, name: 2 }, port, largestBlock);
        }
        return this.#readFile(p);
      default:
        if (first) this.#begin(p, { server: 2, router: 6, name: 10 }, tftpPort, largestBlock);
        return this.#opened(() => {
          p.set32(138, Math.max(0, this.#tftp.size));
          const known = this.#tftp.size >= 0;
          this.#tftp.close();
          return known ? pxeStatus.success : pxeStatus.failure;
        });
    }
  }

  #begin(
    p: Parameters,
    at: { readonly server: number; readonly router: number; readonly name: number },
    port: number,
    blockSize: number,
  ): void {
    this.#tftp.open({
      server: p.bytes(at.server, 4),
      router: u32(p.bytes(at.router, 4), 0) === 0 ? new Uint8Array(4) : p.bytes(at.router, 4),
      name: p.text(at.name, nameLength),
      ...{ port, blockSize },
    });
  }

  #opened(then: () => number | void): number | 'wait' {
    const { phase } = this.#tftp;
    if (phase === 'opening') return 'wait';
    if (phase === 'failed') return this.#failed();
    return then() ?? pxeStatus.success;
  }

  #failed(): number {
    const timeout = this.#tftp.reason.includes('answer');
    this.#tftp.close();
    return timeout ? pxeStatus.tftpReadTimeout : pxeStatus.tftpNotFound;
  }

  #readBlock(p: Parameters): number | 'wait' {
    const { phase, waiting } = this.#tftp;
    if (phase === 'idle') return pxeStatus.tftpClosed;
    if (phase === 'failed') return this.#failed();
    // Behind the end there is nothing, as often as it is asked for.
    if (phase === 'ended') {
      p.set16(4, 0);
      return pxeStatus.success;
    }
    if (waiting === undefined) return 'wait';
    const block = this.#tftp.take();
    if (block === undefined) return 'wait';
    this.#context.memory.write(p.pointer(6), block.bytes);
    p.set16(2, block.number);
    p.set16(4, block.bytes.length);
    return pxeStatus.success;
  }

  #readFile(p: Parameters): number | 'wait' {
    const tftp = this.#tftp;
    const [room, target] = [p.get32(130), p.get32(134)];
    const block = tftp.take();
    if (block !== undefined) {
      if (this.#read + block.bytes.length > room) {
        tftp.close();
        return pxeStatus.outOfResources;
      }
      this.#context.memory.write(target + this.#read, block.bytes);
      this.#read += block.bytes.length;
    }
    if (tftp.phase === 'failed') return this.#failed();
    if (tftp.phase !== 'ended') return 'wait';
    tftp.close();
    p.set32(130, this.#read);
    return pxeStatus.success;
  }

  save() {
    return { caller: this.#caller, read: this.#read };
  }

  load({ caller, read }: ReturnType<TftpCalls['save']>): void {
    this.#caller = caller;
    this.#read = read;
  }
}
