/** TFTP for booting (RFC 1350, read only, octet) with the options blksize, tsize and timeout (RFC 2347-2349). */
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
  /** Block that was sent last; 0 is the answer to options. */
  block: number;
  last: Uint8Array;
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

  /** A datagram to port 69, or to a port of a transfer. */
  input(peer: TftpPeer, ownPort: number, message: Uint8Array): void {
    if (message.length < 4) return;
    const code = u16(message, 0);
    if (ownPort === 69) {
      if (code === opcode.read) void this.#request(peer, message);
      else if (code === opcode.write) peer.send(69, errorMessage(errorCode.access, 'read only'));
      return;
    }
    const transfer = this.#transfers.get(keyOf(peer));
    if (transfer?.port !== ownPort) return;
    if (code === opcode.error) this.#end(transfer);
    else if (code === opcode.ack && u16(message, 2) === (transfer.block & 0xffff))
      this.#next(transfer);
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
    let blockSize = 512;
    for (let i = 0; i + 1 < rest.length; i += 2) {
      const [key, value] = [rest[i]?.toLowerCase(), Number(rest[i + 1])];
      if (key === 'blksize' && value >= 8) {
        blockSize = Math.min(longestBlock, Math.floor(value));
        options.push(key, String(blockSize));
      } else if (key === 'tsize') options.push(key, String(file.length));
      else if (key === 'timeout' && value >= 1) options.push(key, String(value));
    }
    const port = this.#nextPort;
    this.#nextPort = port === 0xffff ? 49152 : port + 1;
    const transfer: Transfer = {
      ...{ peer, port, file, blockSize, block: 0, retries: 0, last: new Uint8Array(0) },
      timer: new NetworkTimer(() => this.#again(transfer)),
    };
    this.#transfers.set(keyOf(peer), transfer);
    this.#share.take(peer.guest);
    if (options.length === 0) return this.#next(transfer);
    const text = new TextEncoder().encode(options.map((part) => `${part}\0`).join(''));
    transfer.last = new Uint8Array(2 + text.length);
    setU16(transfer.last, 0, opcode.optionAck);
    transfer.last.set(text, 2);
    this.#send(transfer);
  }

  #next(transfer: Transfer): void {
    const { file, blockSize } = transfer;
    // What was acknowledged was the last block, a short one?
    if (transfer.block * blockSize > file.length) return this.#end(transfer);
    const start = transfer.block * blockSize;
    transfer.block++;
    transfer.retries = 0;
    const data = file.subarray(start, start + blockSize);
    transfer.last = new Uint8Array(4 + data.length);
    setU16(transfer.last, 0, opcode.data);
    setU16(transfer.last, 2, transfer.block & 0xffff);
    transfer.last.set(data, 4);
    this.#send(transfer);
  }

  #send(transfer: Transfer): void {
    transfer.peer.send(transfer.port, transfer.last);
    this.#timers.arm(transfer.timer, retransmitMs);
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
