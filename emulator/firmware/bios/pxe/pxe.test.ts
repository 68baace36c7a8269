/** PXE against the network that is built in, and against one that lies. Some seconds. */
import { describe, expect, it } from 'vitest';
import type { AdapterEnd, Frame, NetworkBackend } from '../../../backends/network.ts';
import { plainFrame } from '../../../backends/network.ts';
import { SeededEntropy } from '../../../bus/entropy.ts';
import { MemoryBus } from '../../../bus/memoryBus.ts';
import { ArrayMemory } from '../../../devices/virtio/testing/arrayMemory.ts';
import { setU16 } from '../../../net/packet/byteOrder.ts';
import { checksumOf, pseudoHeaderSum, sumBytes } from '../../../net/packet/checksum.ts';
import { ManualClock, MemoryHost } from '../../../net/testing/memoryHost.ts';
import { UserNetwork } from '../../../net/user/userNetwork.ts';
import { bda, BiosData } from '../biosData.ts';
import type { BiosContext } from '../biosContext.ts';
import { BootAdapter } from '../bootAdapter.ts';
import { CallFrame } from '../callFrame.ts';
import { PhysicalMemory } from '../physicalMemory.ts';
import { buildSystemRom } from '../systemRom.ts';
import { Pxe } from './pxe.ts';

const mac = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
const program = Uint8Array.from({ length: 40_000 }, (_, i) => (i * 7919) >> 3);
const second = Uint8Array.from({ length: 3000 }, (_, i) => i ^ 0x5a);
const mib = 1 << 20;
/** Places that the tests use: a frame, a parameter structure, a buffer. */
const place = { frame: 0x6000, parameters: 0x6100, buffer: 0x30000 } as const;
const success = 0;

/** The built-in network as a cable's far end; `spoil` may change or replace what it sends. */
class Server implements NetworkBackend {
  readonly network: UserNetwork;
  readonly linkUp = true;
  #card: AdapterEnd | undefined;
  spoil: (frame: Uint8Array) => readonly Uint8Array[] = (frame) => [frame];
  sent: Uint8Array[] = [];

  constructor(clock: ManualClock, files: ReadonlyMap<string, Uint8Array>) {
    this.network = new UserNetwork(
      {
        take: ({ bytes }) => {
          for (const one of this.spoil(bytes.slice())) this.#card?.take(plainFrame(one));
          return true;
        },
        ready: () => undefined,
        flush: () => undefined,
      },
      {
        clock,
        host: new MemoryHost(),
        entropy: new SeededEntropy(1),
        bootFiles: { read: (name) => Promise.resolve(files.get(name)) },
      },
      { bootFile: 'program' },
    );
  }
  connect(adapter: AdapterEnd): void {
    this.#card = adapter;
  }
  take(frame: Frame): boolean {
    this.sent.push(frame.bytes.slice());
    return this.network.take(frame);
  }
  ready(): void {
    this.network.ready();
  }
  flush(): void {
    this.network.flush();
  }
}

class Bench {
  readonly clock = new ManualClock();
  readonly server: Server;
  readonly ram = new ArrayMemory(mib);
  readonly memory = new PhysicalMemory(this.ram, new MemoryBus());
  readonly data = new BiosData(this.memory);
  readonly pxe: Pxe;
  readonly frame: CallFrame;
  said = '';

  constructor(files = new Map([['program', program]])) {
    this.server = new Server(this.clock, files.set('second', second));
    const adapter = new BootAdapter({ name: 'Network adapter 1', mac, bdf: 0xb8 });
    const card: AdapterEnd = {
      ...{ take: () => true, ready: () => undefined, flush: () => undefined },
      ...{ linkChanged: () => undefined, offloads: { checksum: false, segmentation: false } },
    };
    adapter.join(this.server).connect(card);
    this.data.set16(bda.memoryKiB, 639);
    const context = {
      parts: { clock: this.clock, adapters: [adapter], wake: () => undefined },
      memory: this.memory,
      data: this.data,
      wakeAt: () => undefined,
    } as unknown as BiosContext;
    this.pxe = new Pxe(context, buildSystemRom(0x500, { port: 0x600, value: 0 }));
    this.frame = new CallFrame(this.ram, place.frame);
  }

  /** Why it cannot be booted, or 'done'; polled as the BIOS does, for at most a minute of the machine. */
  async boot(): Promise<string> {
    for (let ms = 0; ms < 60_000; ms += 50) {
      const result = this.pxe.boot(0, this.frame, (text) => void (this.said += text));
      if (result === 'done') return result;
      if (result !== 'wait') return result.reason;
      await this.#pass();
    }
    return 'it never ends';
  }

  async #pass(): Promise<void> {
    // What the server reads of its files comes later.
    await Promise.resolve();
    await Promise.resolve();
    this.clock.advance(50);
  }

  /** A call of the API by way of PXENV+; gives the status. Fields of the structure as bytes at offsets. */
  async call(opcode: number, fields: Readonly<Record<number, readonly number[]>>): Promise<number> {
    this.memory.write(place.parameters, new Uint8Array(0x100));
    for (const [offset, bytes] of Object.entries(fields))
      this.memory.write(place.parameters + Number(offset), Uint8Array.from(bytes));
    for (let ms = 0; ms < 60_000; ms += 50) {
      // The trap of PXENV+; ES:DI is the structure.
      Object.assign(this.frame, { bx: opcode, es: place.parameters >>> 4, di: 0 });
      this.frame.set16(36, 0x103);
      if (this.pxe.service(this.frame) === 'done') {
        const status = this.word(0);
        expect(this.frame.ax).toBe(status === success ? 0 : 1);
        return status;
      }
      await this.#pass();
    }
    throw new Error('the call never ends');
  }

  word(offset: number): number {
    return this.memory.read16(place.parameters + offset);
  }
}

const gateway = [10, 0, 2, 2];
const far = (address: number): number[] => [
  address & 15,
  0,
  (address >>> 4) & 0xff,
  address >>> 12,
];
const letters = (text: string): number[] => [...new TextEncoder().encode(text), 0];

describe('booting from the network', () => {
  it('loads the file that DHCP names and tells the program where PXE is', async () => {
    const bench = new Bench();
    expect(await bench.boot()).toBe('done');
    expect(bench.said).toBe('address 10.0.2.15, program from 10.0.2.2\r\n');
    expect(Buffer.compare(bench.memory.read(0x7c00, program.length), program)).toBe(0);
    expect(bench.frame.cs).toBe(0xf000);
    expect(bench.pxe.installationCheck(bench.frame)).toBe(true);
    expect(bench.frame.ax).toBe(0x564e);
  });

  it('has its structures and all of their segments above what is left of base memory', async () => {
    const { memory, data, frame, ...bench } = await booted();
    const free = data.get16(0x13) * 1024;
    bench.pxe.installationCheck(frame);
    const pxenv = frame.es * 16 + frame.bx;
    const pxe = memory.read16(pxenv + 0x2a) * 16 + memory.read16(pxenv + 0x28);
    const text = (at: number, length: number): string =>
      String.fromCharCode(...memory.read(at, length));
    expect([text(pxenv, 6), text(pxe, 4)]).toEqual(['PXENV+', '!PXE']);
    for (const [at, length] of [
      [pxenv, 0x2c],
      [pxe, 0x58],
    ] as const)
      expect(memory.read(at, length).reduce((sum, byte) => sum + byte, 0) & 0xff).toBe(0);
    // Programs clear what lies between the counter and the ends of these (iPXE's pxeprefix).
    for (let at = pxe + 0x28; at < pxe + 0x58; at += 8) {
      const start = memory.read16(at) * 16;
      expect(start).toBeGreaterThanOrEqual(free);
      expect(start + memory.read16(at + 6)).toBeLessThanOrEqual(639 * 1024);
      expect(memory.read32(at + 2)).toBe(start);
    }
    // Entries jump into the ROM.
    expect(memory.read8(memory.read16(pxe + 0x12) * 16 + memory.read16(pxe + 0x10))).toBe(0xea);
    expect(pxe % 16).toBe(0);
  });

  it('gives base memory back when the program gives up', async () => {
    const bench = await booted();
    expect(bench.data.get16(0x13)).toBeLessThan(639);
    bench.pxe.end();
    expect(bench.data.get16(0x13)).toBe(639);
    expect(bench.pxe.installationCheck(bench.frame)).toBe(false);
  });

  it('says that a file is missing, too large, or empty', async () => {
    expect(await new Bench(new Map()).boot()).toBe('TFTP: no such file');
    expect(await new Bench(new Map([['program', new Uint8Array(700_000)]])).boot()).toMatch(
      /does not fit into base memory/,
    );
    expect(await new Bench(new Map([['program', new Uint8Array(0)]])).boot()).toMatch(/empty/);
  });

  it('goes on where it was saved, while loading and while a program calls', async () => {
    const before = new Bench();
    before.pxe.boot(0, before.frame, () => undefined);
    const saved = before.pxe.save();
    const after = new Bench();
    after.pxe.load(structuredClone(saved));
    expect(await after.boot()).toBe('done');
    expect(Buffer.compare(after.memory.read(0x7c00, program.length), program)).toBe(0);
    const later = new Bench();
    later.pxe.load(structuredClone(after.pxe.save()));
    expect(await later.call(0x25, { 2: gateway, 10: letters('second') })).toBe(success);
    expect(later.word(138)).toBe(second.length);
  });
});

async function booted(): Promise<Bench> {
  const bench = new Bench();
  expect(await bench.boot()).toBe('done');
  return bench;
}

describe('the PXE API', () => {
  it('gives the packets of DHCP, by address and as a copy', async () => {
    const bench = await booted();
    expect(await bench.call(0x71, { 2: [2, 0], 4: [16, 1], 6: far(place.buffer) })).toBe(success);
    expect(bench.word(4)).toBe(0x110);
    // BOOTREPLY, and the address that was given.
    expect(bench.memory.read8(place.buffer)).toBe(2);
    expect([...bench.memory.read(place.buffer + 16, 4)]).toEqual([10, 0, 2, 15]);
    expect(await bench.call(0x71, { 2: [1, 0] })).toBe(success);
    const discover = bench.word(8) * 16 + bench.word(6);
    expect(bench.memory.read8(discover)).toBe(1);
    expect([...bench.memory.read(discover + 28, 6)]).toEqual([...mac]);
  });

  it('reads files by TFTP, block by block and whole', async () => {
    const bench = await booted();
    expect(
      await bench.call(0x20, {
        ...{ 2: gateway, 10: letters('second'), 138: [0, 69], 140: [0x78, 0x05] },
      }),
    ).toBe(success);
    expect(bench.word(140)).toBe(1400);
    const lengths: number[] = [];
    for (let at: number = place.buffer; lengths.at(-1) !== 200; at += 1400) {
      expect(await bench.call(0x22, { 6: far(at) })).toBe(success);
      expect(bench.word(2)).toBe(lengths.push(bench.word(4)));
    }
    expect(lengths).toEqual([1400, 1400, 200]);
    expect(Buffer.compare(bench.memory.read(place.buffer, second.length), second)).toBe(0);
    expect(await bench.call(0x21, {})).toBe(success);
    expect(await bench.call(0x21, {})).toBe(0x1a);
    const whole = { 2: letters('second'), 134: [0, 0, 4, 0], 138: gateway, 152: [0, 69] };
    expect(await bench.call(0x23, { ...whole, 130: [0xff, 0xff, 0, 0] })).toBe(success);
    expect(bench.word(130)).toBe(second.length);
    expect(Buffer.compare(bench.memory.read(0x40000, second.length), second)).toBe(0);
    // No room for all of it.
    expect(await bench.call(0x23, { ...whole, 130: [100, 0, 0, 0] })).toBe(0x05);
    expect(await bench.call(0x25, { 2: gateway, 10: letters('no such file') })).toBe(0x3b);
  });

  it('sends and receives datagrams', async () => {
    const bench = await booted();
    const read = { 14: [200, 0], 16: far(place.buffer) };
    expect(await bench.call(0x32, read)).toBe(0x18);
    expect(await bench.call(0x30, {})).toBe(success);
    expect(await bench.call(0x30, {})).toBe(0x19);
    // A question of DNS for the gateway's own name.
    const query = [
      ...[0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 7],
      ...[...letters('gateway').slice(0, -1), 10, ...letters('guesthouse').slice(0, -1)],
      ...[8, ...letters('internal').slice(0, -1), 0, 0, 1, 0, 1],
    ];
    bench.memory.write(0x31000, Uint8Array.from(query));
    const write = { 2: [10, 0, 2, 3], 10: [0x10, 0], 12: [0, 53], 14: [query.length, 0] };
    expect(await bench.call(0x33, { ...write, 16: far(0x31000) })).toBe(success);
    expect(await bench.call(0x32, { ...read, 12: [0x10, 0x01] })).toBe(0x01);
    expect(await bench.call(0x32, { ...read, 12: [0x10, 0x00] })).toBe(success);
    expect([...bench.memory.read(place.buffer, 2)]).toEqual([0x12, 0x34]);
    expect([...bench.memory.read(place.buffer + bench.word(14) - 4, 4)]).toEqual(gateway);
    expect([...bench.memory.read(place.parameters + 2, 4)]).toEqual([10, 0, 2, 3]);
    expect(await bench.call(0x31, {})).toBe(success);
  });

  it('gives a program the frames, by UNDI, until it is closed', async () => {
    const bench = await booted();
    // UNLOAD_STACK: iPXE goes on with UNDI alone.
    expect(await bench.call(0x70, {})).toBe(success);
    expect(await bench.call(0x0c, {})).toBe(success);
    expect([...bench.memory.read(place.parameters + 12, 6)]).toEqual([...mac]);
    expect(await bench.call(0x06, {})).toBe(success);
    expect(await bench.call(0x22, { 6: far(place.buffer) })).toBe(0x6a);
    // Who has the gateway? As a protocol, without a header of our own: P_ARP, by broadcast.
    const question = [
      ...[0, 1, 8, 0, 6, 4, 0, 1, ...mac, 10, 0, 2, 15],
      ...[0, 0, 0, 0, 0, 0, ...gateway],
    ];
    bench.memory.write(0x31000, Uint8Array.from([question.length, 0, ...far(0x31010), 0, 0]));
    bench.memory.write(0x31010, Uint8Array.from(question));
    const isr = async (asked: number): Promise<number> => {
      expect(await bench.call(0x14, { 2: [asked, 0] })).toBe(success);
      return bench.word(2);
    };
    expect(await isr(1)).toBe(1);
    expect(await bench.call(0x08, { 2: [2, 1], 8: far(0x31000) })).toBe(success);
    expect(await isr(1)).toBe(0);
    expect(await isr(2)).toBe(3);
    const frame = bench.word(12) * 16 + bench.word(10);
    expect([...bench.memory.read(frame, 6)]).toEqual([...mac]);
    expect([...bench.memory.read(frame + 28, 4)]).toEqual(gateway);
    expect(bench.word(14) & 0xff).toBe(2);
    expect(await isr(3)).toBe(0);
    expect(await bench.call(0x07, {})).toBe(success);
    expect(await bench.call(0x99, {})).toBe(0x03);
  });
});

describe('a server that lies', () => {
  const udpAt = 34;
  const isUdp = (frame: Uint8Array): boolean =>
    frame[12] === 8 && frame[13] === 0 && frame[23] === 17;
  /** Puts another payload into a frame. */
  const withPayload = (frame: Uint8Array, payload: Uint8Array): Uint8Array => {
    const changed = new Uint8Array(42 + payload.length);
    changed.set(frame.subarray(0, 42));
    changed.set(payload, 42);
    setU16(changed, 16, 28 + payload.length);
    setU16(changed, 24, 0);
    setU16(changed, 24, checksumOf(sumBytes(changed, 14, 34)));
    setU16(changed, udpAt + 4, 8 + payload.length);
    setU16(changed, udpAt + 6, 0);
    const pseudo = pseudoHeaderSum(
      changed.subarray(26, 30),
      changed.subarray(30, 34),
      17,
      8 + payload.length,
    );
    setU16(
      changed,
      udpAt + 6,
      checksumOf(sumBytes(changed, udpAt, changed.length, pseudo)) || 0xffff,
    );
    return changed;
  };

  it('cannot send longer blocks than a program has room for', async () => {
    const bench = await booted();
    bench.server.spoil = (frame) =>
      isUdp(frame) && frame[43] === 6
        ? [withPayload(frame, Uint8Array.from([0, 6, ...letters('blksize'), ...letters('1460')]))]
        : [frame];
    const open = { 2: gateway, 10: letters('second'), 138: [0, 69], 140: [0, 2] };
    expect(await bench.call(0x20, open)).not.toBe(success);
    expect(await bench.call(0x22, { 6: far(place.buffer) })).not.toBe(success);
    expect(bench.memory.read(place.buffer, 2000).every((byte) => byte === 0)).toBe(true);
  });

  it('cannot keep it asking by refusing what it has offered', async () => {
    const bench = new Bench();
    bench.server.spoil = (frame) => {
      // DHCP's message type is its first option.
      if (isUdp(frame) && frame[udpAt + 3] === 68 && frame[284] === 5) {
        const payload = frame.slice(42);
        payload[242] = 6;
        return [withPayload(frame, payload)];
      }
      return [frame];
    };
    expect(await bench.boot()).toBe('no DHCP server answers');
    expect(bench.server.sent.length).toBeLessThan(20);
  });

  it('breaks nothing by whatever it sends, and writes nowhere but where a program is loaded', async () => {
    const entropy = new SeededEntropy(11);
    const pool = new Uint8Array(4);
    const below = (n: number): number => {
      entropy.fill(pool);
      return ((pool[0]! << 16) | (pool[1]! << 8) | pool[2]!) % n;
    };
    let frames = 0;
    const ends = new Set<string>();
    for (let round = 0; round < 250; round++) {
      const bench = new Bench();
      bench.server.spoil = (frame) => {
        frames++;
        if (below(3) > 0) return [frame];
        const kind = below(6);
        if (!isUdp(frame) || kind === 0) {
          const changed = frame.slice(0, below(4) === 0 ? below(frame.length + 1) : frame.length);
          for (let n = below(4); n > 0; n--) changed[below(changed.length + 1)] = below(256);
          return [changed];
        }
        if (kind === 1) return [];
        if (kind === 2) return [frame, frame];
        // Good checksums around bad content.
        const payload = frame.slice(42, kind === 3 ? 42 + below(frame.length - 41) : frame.length);
        for (let n = 1 + below(4); n > 0; n--)
          payload[below(kind === 4 ? Math.min(8, payload.length) : payload.length)] = below(256);
        return [withPayload(frame, payload), ...(kind === 5 ? [frame] : [])];
      };
      const before = bench.ram.bytes.slice(0, 0x7c00);
      ends.add((await bench.boot()).replace(/[^a-z ].*/s, ''));
      const after = bench.ram.bytes.slice(0, 0x7c00);
      // The counter of base memory, and the frame that is entered with.
      for (const part of [before, after]) {
        part.fill(0, 0x413, 0x415);
        part.fill(0, place.frame, place.frame + 48);
      }
      expect(Buffer.compare(after, before)).toBe(0);
      expect(bench.ram.bytes.subarray(639 * 1024).every((value) => value === 0)).toBe(true);
    }
    expect(frames).toBeGreaterThan(4000);
    expect(ends).toContain('done');
    expect(ends).not.toContain('it never ends');
    expect(ends.size).toBeGreaterThan(2);
  });
});
