/**
 * Preboot Execution Environment, PXE 2.1 (Intel, 1999): an adapter is booted from, and what was loaded gets the
 * PXE API with its base code (cached packets, TFTP, UDP: §4.2, 4.3) and UNDI (undi.ts). Left out: multicast
 * TFTP, proxyDHCP and boot server discovery, entries for protected mode.
 */
import { formatIp } from '../../../net/packet/ipAddress.ts';
import type { BiosContext, ServiceResult } from '../biosContext.ts';
import type { BootAdapter } from '../bootAdapter.ts';
import type { CallFrame } from '../callFrame.ts';
import { systemRomSegment, type SystemRom } from '../systemRom.ts';
import { frameOffsets, trapVectors } from '../trapPorts.ts';
import { DhcpClient, dhcpPorts } from './dhcpClient.ts';
import { NetStack, type Datagram } from './netStack.ts';
import { Parameters, pxeStatus } from './parameters.ts';
import {
  baseLayout,
  baseSegment,
  freePxe,
  placePxe,
  pxeMemoryStart,
  pxeSpace,
  undiImage,
  undiLayout,
  undiSegment,
} from './pxeMemory.ts';
import { TftpClient } from './tftpClient.ts';
import { TftpCalls, tftpCall } from './tftpCalls.ts';
import { UdpCalls, udpCall } from './udpCalls.ts';
import { Undi } from './undi.ts';

const call = { unloadStack: 0x70, cachedInfo: 0x71, startBase: 0x75, stopBase: 0x76 } as const;
/** Packet types of GET_CACHED_INFO. */
const discoverPacket = 1;
const loadAddress = 0x7c00;
const bootBlock = 1428;
/** Enter AX and EBX of INT 1Ah's installation check. */
const installedSignature = 0x564e;

type BootPhase = 'idle' | 'dhcp' | 'tftp';

export class Pxe {
  readonly #context: BiosContext;
  readonly #rom: SystemRom;
  readonly #adapters: readonly BootAdapter[];
  readonly #stack: NetStack;
  readonly #dhcp: DhcpClient;
  readonly #tftp: TftpClient;
  readonly #undi: Undi;
  readonly #udp: UdpCalls;
  readonly #tftpCalls: TftpCalls;
  /** Index of the adapter that is, or was, booted from; -1: none. */
  #adapter = -1;
  #phase: BootPhase = 'idle';
  #loadedTo = 0;
  /** Programs find the API by INT 1Ah. */
  #installed = false;

  constructor(context: BiosContext, rom: SystemRom) {
    const { clock, adapters } = context.parts;
    this.#context = context;
    this.#rom = rom;
    this.#adapters = adapters;
    this.#stack = new NetStack(clock);
    this.#dhcp = new DhcpClient(this.#stack, clock);
    this.#tftp = new TftpClient(this.#stack, clock);
    this.#undi = new Undi(context, this.#stack, () => this.#open());
    this.#udp = new UdpCalls(context, this.#stack);
    this.#tftpCalls = new TftpCalls(context, this.#tftp);
  }

  #open(): void {
    const adapter = this.#adapters[this.#adapter];
    if (adapter?.isOpen === false) adapter.open(() => this.#context.parts.wake());
  }

  /** After a boot program that has given up. */
  end(): void {
    if (this.#adapter >= 0) freePxe(this.#context);
    this.reset();
  }

  reset(): void {
    this.#adapters[this.#adapter]?.close();
    this.#adapter = -1;
    this.#stack.adapter = undefined;
    this.#phase = 'idle';
    this.#installed = false;
    this.#stack.forget();
    this.#dhcp.stop();
    this.#tftp.close();
    this.#undi.reset();
    this.#udp.reset();
    this.#tftpCalls.reset();
  }

  /** Sends and receives what is due, and says when it is to be called again at the latest. */
  #step(): void {
    this.#stack.receive((datagram) => this.#deliver(datagram));
    this.#dhcp.poll();
    this.#tftp.poll();
  }

  #deliver(datagram: Datagram): void {
    const { targetPort } = datagram;
    if (targetPort === dhcpPorts.client && this.#phase === 'dhcp') this.#dhcp.input(datagram);
    else if (targetPort === this.#tftp.ownPort) this.#tftp.input(datagram);
    else this.#udp.input(datagram);
  }

  #wait(untilNs: number): 'wait' {
    const { nowNs } = { nowNs: this.#context.parts.clock.nowNs() };
    this.#context.wakeAt(Math.max(nowNs + 1e6, untilNs));
    return 'wait';
  }

  /** Booting from an adapter, called again at every poll. 'done': entered; else why not. */
  boot(
    index: number,
    frame: CallFrame,
    say: (text: string) => void,
  ): 'done' | 'wait' | { readonly reason: string } {
    const adapter = this.#adapters[index];
    if (adapter === undefined) return { reason: 'there is no such adapter' };
    if (this.#phase === 'idle' || this.#adapter !== index) {
      this.reset();
      if (!adapter.linkUp) return { reason: 'its cable is not connected' };
      this.#adapter = index;
      this.#stack.adapter = adapter;
      this.#stack.mac = adapter.place.mac;
      this.#open();
      this.#phase = 'dhcp';
      this.#dhcp.start();
    }
    this.#step();
    if (this.#phase === 'dhcp') return this.#bootDhcp(say);
    return this.#bootTftp(frame);
  }

  #fail(reason: string): { readonly reason: string } {
    this.reset();
    return { reason };
  }

  #bootDhcp(say: (text: string) => void): 'wait' | { readonly reason: string } {
    const dhcp = this.#dhcp;
    if (dhcp.phase === 'failed') return this.#fail('no DHCP server answers');
    if (dhcp.phase !== 'bound') return this.#wait(dhcp.againNs);
    const file = dhcp.bootFile;
    const own = formatIp(this.#stack.address);
    if (file === undefined) return this.#fail(`address ${own}, but no file to boot is offered`);
    say(`address ${own}, ${file.name} from ${formatIp(file.server)}\r\n`);
    this.#phase = 'tftp';
    this.#loadedTo = loadAddress;
    const router = new Uint8Array(4);
    this.#tftp.open({ ...file, router, port: 69, blockSize: bootBlock });
    return this.#wait(this.#tftp.againNs);
  }

  #bootTftp(frame: CallFrame): 'done' | 'wait' | { readonly reason: string } {
    const tftp = this.#tftp;
    const { memory } = this.#context;
    for (let block = tftp.take(); block !== undefined; block = tftp.take()) {
      if (this.#loadedTo + block.bytes.length > pxeMemoryStart)
        return this.#fail('the file does not fit into base memory: it is no network boot program');
      memory.write(this.#loadedTo, block.bytes);
      this.#loadedTo += block.bytes.length;
      this.#step();
    }
    if (tftp.phase === 'failed') return this.#fail(`TFTP: ${tftp.reason}`);
    if (tftp.phase !== 'ended') return this.#wait(tftp.againNs);
    if (this.#loadedTo === loadAddress) return this.#fail('the file is empty');
    tftp.close();
    this.#phase = 'idle';
    this.#installed = true;
    placePxe(this.#context, undiImage(systemRomSegment, this.#rom.pxe.entries), this.#dhcp);
    frame.cs = systemRomSegment;
    frame.ip = this.#rom.pxe.enter;
    return 'done';
  }

  /** INT 1Ah AX=5650h (PXE 2.1 §3.1.1): where PXENV+ is. */
  installationCheck(frame: CallFrame): boolean {
    if (!this.#installed) return false;
    frame.ax = installedSignature;
    frame.es = undiSegment;
    frame.bx = undiLayout.pxenv;
    return true;
  }

  /** A call of the API, by way of !PXE or of PXENV+. */
  service(frame: CallFrame): ServiceResult {
    const { memory } = this.#context;
    const far = frame.vector === trapVectors.pxe;
    const argument = (n: number): number => frame.get16(frameOffsets.farArguments + 2 * n);
    const opcode = far ? argument(0) : frame.bx;
    const p = far
      ? new Parameters(memory, argument(2), argument(1))
      : new Parameters(memory, frame.es, frame.di);
    const status = this.#call(opcode, p, frame);
    if (status === 'wait') {
      return this.#wait(
        this.#tftpCalls.busy ? this.#tftp.againNs : this.#context.parts.clock.nowNs() + 1e9,
      );
    }
    p.set16(0, status);
    frame.ax = status === pxeStatus.success ? 0 : 1;
    return 'done';
  }

  #call(opcode: number, p: Parameters, frame: CallFrame): number | 'wait' {
    const low = this.#undi.call(opcode, p);
    if (low !== undefined) return low;
    if (opcode === call.cachedInfo) return this.#cachedInfo(p);
    if (opcode === call.unloadStack || opcode === call.stopBase) {
      this.#installed = false;
      this.#udp.reset();
      this.#tftp.close();
      return pxeStatus.success;
    }
    if (opcode === call.startBase) return pxeStatus.success;
    const udp = (Object.values(udpCall) as number[]).includes(opcode);
    if (!udp && !(Object.values(tftpCall) as number[]).includes(opcode))
      return pxeStatus.unsupported;
    // A program that takes the frames itself leaves none for these.
    if (this.#undi.raw) return pxeStatus.undiInvalidState;
    this.#open();
    this.#step();
    return udp ? this.#udp.call(opcode, p) : this.#tftpCalls.call(opcode, p, frame.address);
  }

  #cachedInfo(p: Parameters): number {
    const kind = p.get16(2) === discoverPacket ? 'discover' : 'answer';
    const packet = this.#dhcp[kind].subarray(0, pxeSpace[kind]);
    const room = p.get16(4);
    if (room === 0) p.setPointer(6, baseSegment, baseLayout[kind]);
    else this.#context.memory.write(p.pointer(6), packet.subarray(0, room));
    p.set16(4, room === 0 ? packet.length : Math.min(room, packet.length));
    p.set16(10, pxeSpace[kind]);
    return pxeStatus.success;
  }

  save() {
    return {
      adapter: this.#adapter,
      open: this.#adapters[this.#adapter]?.isOpen === true,
      phase: this.#phase as string,
      loadedTo: this.#loadedTo,
      installed: this.#installed,
      stack: this.#stack.save(),
      dhcp: this.#dhcp.save(),
      tftp: this.#tftp.save(),
      tftpCalls: this.#tftpCalls.save(),
      udp: this.#udp.save(),
      undi: this.#undi.save(),
    };
  }

  /** What was received and not yet looked at is lost, as on any line. */
  load(saved: ReturnType<Pxe['save']>): void {
    this.reset();
    this.#adapter = saved.adapter;
    this.#stack.adapter = this.#adapters[saved.adapter];
    if (saved.open) this.#open();
    this.#phase = saved.phase as BootPhase;
    this.#loadedTo = saved.loadedTo;
    this.#installed = saved.installed;
    this.#stack.load(saved.stack);
    this.#dhcp.load(saved.dhcp);
    this.#tftp.load(saved.tftp);
    this.#tftpCalls.load(saved.tftpCalls);
    this.#udp.load(saved.udp);
    this.#undi.load(saved.undi);
  }
}
