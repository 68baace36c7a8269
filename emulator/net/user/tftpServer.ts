/**
 * TFTP for booting (RFC 1350, read only, octet) with the options blksize, tsize and timeout (RFC 2347-2349) and
 * windowsize (RFC 7440).
 */
import type { BootFiles } from '../../backends/hostNetwork.ts';
import { setU16, u16 } from '../packet/byteOrder.ts';
import { formatIp, type IpAddress } from '../packet/ipAddress.ts';
import { NetworkTimer, type TimerQueue } from '../timerQueue.ts';
import { FairShare, type GuestKey } from './fairShare.ts';

const opcode = { read: 1, write: 2, data: 3, ack: 4, error: 5, optionAck: 6 } as const;
const errorCode = { notFound: 1, access: 2, illegal: 4 } as const;
/** Of one guest; see FairShare. */
const mostTransfers = 16;
const retransmitMs = 1000;
const mostRetries = 8;
/** One datagram without fragments. */
const longestBlock = 1468;
const longestWindow = 64;

export interface TftpPeer {
  readonly guest: GuestKey;
  readonly address: IpAddress;
  readonly port: number;
  /** Sends to the peer from our port `from`. */
  send(from: number, payload: Uint8Array): void;
}

interface Transfer {
  readonly peer: TftpPeer;
  readonly port: number;
  readonly file: Uint8Array;
  readonly blockSize: number;
  /** Blocks that are sent before an acknowledgement is waited for. */
  readonly windowSize: number;
  readonly optionAck: Uint8Array;
  /** Blocks acknowledged and sent, without the wrapping of their numbers; -1: not even the options. */
  acknowledged: number;
  sent: number;
  retries: number;
  readonly timer: NetworkTimer;
}

export class TftpServer {
  readonly #files: BootFiles;
  readonly #timers: TimerQueue;
  readonly #transfers = new Map<string, Transfer>();
  readonly #share = new FairShare(mostTransfers);
  #nextPort = 49152;

  constructor(files: BootFiles, timers: TimerQueue) {
    this.#files = files;
    this.#timers = timers;
  }

  get transfers(): number {
    return this.#transfers.size;
  }

  /** A datagram to port 69, or to a port of a transfer; false if it is neither. */
  input(peer: TftpPeer, ownPort: number, message: Uint8Array): boolean {
    const transfer = this.#transfers.get(keyOf(peer));
    if (ownPort !== 69 && transfer?.port !== ownPort) return false;
    if (message.length < 4) return true;
    const code = u16(message, 0);
    if (ownPort === 69) {
      if (code === opcode.read) void this.#request(peer, message);
      else if (code === opcode.write) peer.send(69, errorMessage(errorCode.access, 'read only'));
    } else if (transfer === undefined) return false;
    else if (code === opcode.error) this.#end(transfer);
    else if (code === opcode.ack) this.#acknowledged(transfer, u16(message, 2));
    return true;
  }

  async #request(peer: TftpPeer, message: Uint8Array): Promise<void> {
    const texts = new TextDecoder('latin1').decode(message.subarray(2)).split('\0');
    const [name = '', mode = '', ...rest] = texts;
    if (mode.toLowerCase() !== 'octet' && mode.toLowerCase() !== 'netascii')
      return peer.send(69, errorMessage(errorCode.illegal, 'only octet'));
    // A repeated request starts anew.
    const running = this.#transfers.get(keyOf(peer));
    if (running !== undefined) this.#end(running);
    if (!this.#share.mayTake(peer.guest)) return;
    const file = await this.#files.read(name).catch(() => undefined);
    if (file === undefined) return peer.send(69, errorMessage(errorCode.notFound, 'no such file'));
    if (!this.#share.mayTake(peer.guest) || this.#transfers.has(keyOf(peer))) return;
    const options: string[] = [];
    let [blockSize, windowSize] = [512, 1];
    for (let i = 0; i + 1 < rest.length; i += 2) {
      const [key, value] = [rest[i]?.toLowerCase(), Number(rest[i + 1])];
      if (key === 'blksize' && value >= 8) {
        blockSize = Math.min(longestBlock, Math.floor(value));
        options.push(key, String(blockSize));
      } else if (key === 'windowsize' && value >= 1) {
        windowSize = Math.min(longestWindow, Math.floor(value));
        options.push(key, String(windowSize));
      } else if (key === 'tsize') options.push(key, String(file.length));
      else if (key === 'timeout' && value >= 1) options.push(key, String(value));
    }
    const port = this.#nextPort;
    this.#nextPort = port === 0xffff ? 49152 : port + 1;
    const text = new TextEncoder().encode(options.map((part) => `${part}\0`).join(''));
    const optionAck = new Uint8Array(2 + text.length);
    setU16(optionAck, 0, opcode.optionAck);
    optionAck.set(text, 2);
    const asked = options.length > 0;
    const transfer: Transfer = {
      ...{ peer, port, file, blockSize, windowSize, optionAck },
      ...{ acknowledged: asked ? -1 : 0, sent: 0, retries: 0 },
      timer: new NetworkTimer(() => this.#again(transfer)),
    };
    this.#transfers.set(keyOf(peer), transfer);
    this.#share.take(peer.guest);
    this.#send(transfer);
  }

  #acknowledged(transfer: Transfer, number: number): void {
    const before = transfer.acknowledged;
    const block = before + ((number - before) & 0xffff);
    if (block > transfer.sent) return;
    // One that comes again says that the window's first block was lost; alone, it means nothing (RFC 1123 §4.2.3.1).
    if (block === before && transfer.windowSize === 1) return;
    if (block > before) transfer.retries = 0;
    transfer.acknowledged = block;
    // The last block is a short one.
    if (block > transfer.file.length / transfer.blockSize) this.#end(transfer);
    else this.#send(transfer);
  }

  /** The options, or the window that follows what was acknowledged. */
  #send(transfer: Transfer): void {
    const { peer, port, file, blockSize, windowSize, acknowledged } = transfer;
    this.#timers.arm(transfer.timer, retransmitMs);
    if (acknowledged < 0) return peer.send(port, transfer.optionAck);
    for (let block = acknowledged + 1; block <= acknowledged + windowSize; block++) {
      const start = (block - 1) * blockSize;
      if (start > file.length) break;
      const data = file.subarray(start, start + blockSize);
      const message = new Uint8Array(4 + data.length);
      setU16(message, 0, opcode.data);
      setU16(message, 2, block & 0xffff);
      message.set(data, 4);
      peer.send(port, message);
      transfer.sent = Math.max(transfer.sent, block);
    }
  }

  #again(transfer: Transfer): void {
    if (++transfer.retries > mostRetries) this.#end(transfer);
    else this.#send(transfer);
  }

  #end(transfer: Transfer): void {
    this.#timers.cancel(transfer.timer);
    if (this.#transfers.delete(keyOf(transfer.peer))) this.#share.give(transfer.peer.guest);
  }

  dispose(): void {
    for (const transfer of [...this.#transfers.values()]) this.#end(transfer);
  }
}

const keyOf = ({ address, port }: TftpPeer): string => `${formatIp(address)} ${port}`;

function errorMessage(code: number, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const message = new Uint8Array(5 + bytes.length);
  setU16(message, 0, opcode.error);
  setU16(message, 2, code);
  message.set(bytes, 4);
  return message;
}
