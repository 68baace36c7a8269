import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { MediumSlot } from '../backends/mediumSlot.ts';
import { MemoryDisk } from '../block/memoryDisk.ts';
import type { CharacterBackend, CharacterReceiver } from '../backends/character.ts';
import { CountedClock } from '../bus/clock.ts';
import { SeededEntropy } from '../bus/entropy.ts';
import { StateError, type Width } from '../bus/types.ts';
import { ArrayVideoMemory } from '../devices/display/testing/arrayVideoMemory.ts';
import { ArrayDirectMemory } from '../devices/pci/testing/arrayDirectMemory.ts';
import { ArrayMemory } from '../devices/virtio/testing/arrayMemory.ts';
import type { AdapterSpec } from './adapters.ts';
import type { DriveSpec } from './drives.ts';
import type { DisplaySpec, MachineSpec } from './machine.ts';
import { PcBoard } from './pcBoard.ts';
import { ioApicBase, pciMemoryEnd, pciMemoryStart, ports } from './pcLayout.ts';
import { assignPciResources } from './pciResources.ts';
import { virtioFunctions } from './pcVirtio.ts';

/** The graphics card, and whether our own firmware or another one with a chip for its variables is there. */
interface Variant {
  readonly card: DisplaySpec['kind'];
  readonly external: boolean;
}
const variants: readonly Variant[] = [
  { card: 'std', external: false },
  { card: 'virtio', external: true },
];
const romBytes = 128 << 10;
const variableBytes = 16 << 10;

/** A whole board without a CPU: what it tells the CPU is written down. */
class Bench {
  readonly log: string[] = [];
  readonly board: PcBoard;
  readonly clock: CountedClock;
  readonly entropy = new SeededEntropy(1);
  readonly receivers: CharacterReceiver[] = [];
  ticks = 0;
  readonly #external: boolean;
  /** What can be reached by memory accesses: start and bytes. */
  readonly ranges: (readonly [start: number, size: number])[];

  constructor({ card, external }: Variant) {
    this.clock = new CountedClock(() => this.ticks, Date.UTC(2026, 10, 23), 1000);
    const line = (index: number): CharacterBackend => ({
      write: (bytes) => this.log.push(`com${index} ${bytes.join()}`),
      connect: (receiver) => this.receivers.push(receiver),
    });
    const disk = (): MemoryDisk => new MemoryDisk(64 << 10);
    const drives: DriveSpec[] = [
      { kind: 'disk', interface: 'ide', position: 0, backend: disk() },
      { kind: 'disk', interface: 'ahci', position: 0, backend: disk() },
      { kind: 'cdrom', interface: 'ahci', position: 1, slot: new MediumSlot(disk()) },
      { kind: 'cdrom', interface: 'ide', position: 2, slot: new MediumSlot(disk()) },
      { kind: 'floppy', position: 0, slot: new MediumSlot(disk()) },
    ];
    const adapter = (model: 'virtio' | 'e1000', last: number): AdapterSpec => ({
      model,
      mac: Uint8Array.of(0x52, 0x54, 0, 0, 0, last),
      network: () => ({
        connect: () => undefined,
        linkUp: true,
        take: (frame) => this.log.push(`frame ${frame.bytes.join()}`) % 3 !== 0,
        ready: () => undefined,
        flush: () => undefined,
      }),
    });
    const spec: MachineSpec = {
      memory: 64 << 20,
      cpus: 1,
      cpuModel: 'guesthouse-v2',
      engine: 'interpreter',
      boot: external
        ? {
            order: ['hdd'],
            menu: false,
            external: {
              code: new Uint8Array(romBytes),
              variables: { contents: new Uint8Array(variableBytes).fill(0xff) },
            },
          }
        : { kernel: new Uint8Array(), commandLine: '' },
      drives,
      adapters: [adapter('virtio', 1), adapter('e1000', 2)],
      display: { kind: card, memory: 1 << 20, preferredSize: { width: 1024, height: 768 } },
      serial: [line(0), line(1)],
      consoles: [line(2)],
      debugExit: false,
      time: { counted: { wallMs: 0 } },
    };
    const memory = new ArrayMemory(1 << 20);
    this.board = new PcBoard(
      {
        spec,
        clock: this.clock,
        memory,
        videoMemory: new ArrayVideoMemory(1 << 20),
        directMemory: new ArrayDirectMemory(1 << 20, romBytes + variableBytes),
        sendMessage: (message) => this.log.push(JSON.stringify(message)),
        picInterrupt: (high) => this.log.push(`intr ${high}`),
        fwCfg: { items: new Map(), files: () => new Map([['etc/test', Uint8Array.of(1, 2, 3)]]) },
        bootAdapters: [],
        idle: { rest: () => undefined, wake: () => undefined },
        onHostFailure: () => undefined,
        requestReset: () => this.log.push('reset'),
        powerOff: () => this.log.push('off'),
        debugExit: () => undefined,
      },
      (pci, input) =>
        virtioFunctions(pci, {
          spec,
          input,
          clock: this.clock,
          memory,
          entropy: this.entropy,
          onHostFailure: () => undefined,
        }),
    );
    this.#external = external;
    this.reset();
    this.ranges = [
      [ioApicBase, 0x20],
      ...(external ? [[2 ** 32 - romBytes - variableBytes, variableBytes] as const] : []),
      ...this.board.pci.functions().flatMap(({ config }) =>
        config
          .barSpecs()
          .filter(({ spec }) => spec.kind !== 'io')
          .map(({ index, spec }) => [config.read(0x10 + 4 * index, 4) & ~0xf, spec.size] as const)
          .map(([start, size]) => [start >>> 0, size] as const),
      ),
    ];
    this.log.length = 0;
  }

  reset(): void {
    this.board.reset();
    if (!this.#external) return;
    // As the other firmware would.
    const windows = {
      ...{ memoryStart: pciMemoryStart, memoryEnd: pciMemoryEnd },
      ...{ ioStart: ports.pciStart, ioEnd: ports.pciEnd },
    };
    assignPciResources(this.board.pci.functions(), windows, () => 11);
  }

  /** Registers crowd at the start of a range's pages. */
  #address(at: number): number {
    const [start, size] = this.ranges[at % this.ranges.length] as [number, number];
    const page = ((at >>> 5) & 7) * 0x1000;
    const offset = (at & 0x100) === 0 ? (at >>> 9) & 0x7f : at >>> 9;
    return start + ((page + offset) % size);
  }

  /** One step of a script; what a program can see of it. */
  async step(step: Step): Promise<string> {
    const seen = this.#step(step);
    await Promise.all(this.board.devices.map((device) => device.pause?.()));
    for (const device of this.board.devices) device.resume?.();
    return seen;
  }

  #step({ kind, at, width, value }: Step): string {
    const { board } = this;
    switch (kind) {
      case 'in':
        return String(board.ports.read(portList[at % portList.length] ?? 0, width));
      case 'out':
        board.ports.write(portList[at % portList.length] ?? 0, width, mask(value, width));
        return '';
      case 'pci':
        board.ports.write(0xcf8, 4, 0x80000000 + (at % 64) * 0x100 + ((value >>> 8) & 0xfc));
        board.ports.write(0xcfc + ((at >>> 8) & (4 - width)), width, mask(value, width));
        return '';
      case 'load':
        return String(board.memory.read(this.#address(at), width));
      case 'store':
        board.memory.write(this.#address(at), width, mask(value, width));
        return '';
      case 'time':
        this.ticks += value % 3_000_000;
        this.clock.poll();
        return '';
      case 'ack':
        return String(board.pic.acknowledge());
      case 'eoi':
        board.ioApic.endOfInterrupt(value & 0xff);
        return '';
      case 'receive':
        return String(this.receivers[at % 3]?.receive(Uint8Array.of(value & 0xff, at & 0xff)));
      case 'button':
        board.pressPowerButton();
        return '';
      case 'flash': {
        const [start, size] = this.ranges[1] as [number, number];
        const command = flashCommands[at % flashCommands.length] ?? 0;
        board.memory.write(start + (at % size), 1, (value & 1) === 0 ? command : value & 0xff);
        return '';
      }
    }
  }

  save() {
    return {
      ns: this.clock.nowNs(),
      wall: this.clock.wallMs(),
      entropy: this.entropy.state,
      devices: this.board.devices.map((device) => structuredClone(device.save())),
    };
  }

  load(state: ReturnType<Bench['save']>): void {
    this.clock.setNs(state.ns, state.wall);
    this.entropy.state = state.entropy;
    this.board.devices.forEach((device, i) => {
      const saved = state.devices[i];
      if (saved !== undefined) device.load(saved);
    });
    this.log.length = 0;
  }
}

const kinds = [
  'in', 'in', 'out', 'out', 'out', 'pci', 'load', 'store', 'time', 'ack', 'eoi', 'receive', 'button',
  'flash',
] as const; // prettier-ignore
interface Step {
  readonly kind: (typeof kinds)[number];
  readonly at: number;
  readonly width: Width;
  readonly value: number;
}

/** Program, erase, confirm, buffered write, status, identification, back to memory. */
const flashCommands = [0x40, 0x20, 0xd0, 0xe8, 0x70, 0x90, 0xff];

const range = (first: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => first + i);
/** Every port somebody answers. */
const portList = [
  ...[range(0x20, 2), range(0x40, 4), range(0x60, 2), [0x64], range(0x70, 2), [0x80, 0x92]].flat(),
  ...[range(0xa0, 2), range(0xb2, 2), range(0x4d0, 2), range(0x510, 2), range(0x514, 8)].flat(),
  ...[range(0x1f0, 8), range(0x170, 8), [0x3f6, 0x376], range(0xc000, 0x20)].flat(),
  ...[range(0x3f8, 8), range(0x2f8, 8), range(0x600, 16), range(0xcf8, 8)].flat(),
  ...[range(0x3b0, 0x30), range(0x1ce, 3)].flat(),
  ...[range(0x3f0, 6), [0x3f7, 0x3f5, 0x3f5, 0x3f5], range(0, 16), range(0xc0, 4), [0x81]].flat(),
];
const mask = (value: number, width: Width): number => value % 2 ** (8 * width);

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom(...kinds),
  at: fc.nat(0xfffff),
  width: fc.constantFrom<Width>(1, 2, 4),
  value: fc.oneof(fc.nat(0xff), fc.nat(0xffffffff)),
});

describe.each(variants)('every device of the board, card $card', (variant) => {
  it('goes on after save and load exactly as it would have without', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(step, { maxLength: 150 }),
        fc.array(step, { minLength: 30, maxLength: 80 }),
        async (before, after) => {
          const original = new Bench(variant);
          for (const s of before) await original.step(s);
          const state = original.save();
          const copy = new Bench(variant);
          copy.load(state);
          expect(copy.save().devices).toEqual(state.devices);
          original.log.length = 0;
          for (const [index, s] of after.entries()) {
            const seen = await original.step(s);
            expect(await copy.step(s), `step ${index}: ${JSON.stringify(s)}`).toBe(seen);
          }
          expect(copy.log).toEqual(original.log);
          expect(copy.save().devices).toEqual(original.save().devices);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('refuses a state of another version', () => {
    for (const device of new Bench(variant).board.devices) {
      const state = device.save();
      expect(() => device.load({ ...state, version: 999 }), device.id).toThrow(StateError);
      expect(() => device.load({ version: state.version, data: {} }), device.id).toThrow(
        StateError,
      );
    }
  });

  it('comes back from a reset as it was at power-on', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 100 }), async (steps) => {
        const bench = new Bench(variant);
        const ids = new Set([
          'pit',
          'pic',
          'ioapic',
          'com1',
          'i8042',
          'ide',
          'host-bridge',
          'isa-bridge',
        ]);
        const state = () =>
          bench.board.devices.filter((d) => ids.has(d.id)).map((d) => [d.id, d.save()]);
        const fresh = structuredClone(state());
        for (const s of steps) await bench.step(s);
        bench.reset();
        expect(state()).toEqual(fresh);
      }),
      { numRuns: 100 },
    );
  });
});
