import { describe, expect, it } from 'vitest';
import type { InterruptMessage } from '../../bus/interruptMessage.ts';
import { IrqWire } from '../../bus/irq.ts';
import { MemoryBus } from '../../bus/memoryBus.ts';
import { PortBus } from '../../bus/portBus.ts';
import type { VersionedState, Width } from '../../bus/types.ts';
import { MsiX } from './msiX.ts';
import { PciBus } from './pciBus.ts';
import { PciConfig } from './pciConfig.ts';
import type { PciFunction } from './pciFunction.ts';

class TestFunction implements PciFunction {
  readonly id = 'test';
  readonly config: PciConfig;
  readonly msiX: MsiX;
  readonly writes: string[] = [];

  constructor(bus: PciBus, device: number) {
    this.config = new PciConfig(bus.slot(device), {
      vendor: 0x1af4,
      device: 0x1042,
      revision: 1,
      classCode: 0x010000,
      interruptPin: 1,
    });
    const region = {
      read: (offset: number) => offset,
      write: (offset: number, width: Width, value: number) =>
        void this.writes.push(`${offset}/${width}=${value}`),
    };
    this.config.addBar(0, { kind: 'io', size: 32, region });
    this.config.addBar(2, { kind: 'memory64', size: 0x4000, prefetchable: true, region });
    this.msiX = new MsiX(this.config, { vectors: 3, bar: 1 });
  }
  reset(): void {
    this.config.reset();
    this.msiX.reset();
  }
  save(): VersionedState {
    return this.config.save();
  }
  load(state: VersionedState): void {
    this.config.load(state);
  }
}

function setUp() {
  const ports = new PortBus();
  const memory = new MemoryBus();
  const sent: InterruptMessage[] = [];
  const pirqs = [false, false, false, false];
  let resetControl = 0;
  const bus = new PciBus({
    ports,
    memory,
    pirqs: pirqs.map((_, i) => new IrqWire((high) => (pirqs[i] = high))),
    sendMessage: (message) => sent.push(message),
    resetControl: { read: () => resetControl, write: (value) => (resetControl = value) },
  });
  ports.map(0xcf8, 8, bus.region);
  const fn = new TestFunction(bus, 3);
  bus.plug(fn);
  const read = (offset: number, width: Width = 4, device = 3) => {
    ports.write(0xcf8, 4, 0x80000000 + device * 0x800 + (offset & ~3));
    return ports.read(0xcfc + (offset & 3), width);
  };
  const write = (offset: number, value: number, width: Width = 4) => {
    ports.write(0xcf8, 4, 0x80000000 + 3 * 0x800 + (offset & ~3));
    ports.write(0xcfc + (offset & 3), width, value);
  };
  return { bus, ports, memory, sent, pirqs, fn, read, write };
}

describe('PCI configuration', () => {
  it('shows identification, and ones for empty slots and other buses', () => {
    const { read, ports } = setUp();
    expect(read(0)).toBe(0x10421af4);
    expect(read(8)).toBe(0x01000001);
    expect(read(2, 2)).toBe(0x1042);
    expect(read(0, 4, 5)).toBe(0xffffffff);
    ports.write(0xcf8, 4, 0x80010000 + 3 * 0x800);
    expect(ports.read(0xcfc, 4)).toBe(0xffffffff);
  });

  it('leaves port 0xcf9 to the reset control register', () => {
    const { ports } = setUp();
    ports.write(0xcf8, 4, 0x80001800);
    ports.write(0xcf9, 1, 0x02);
    expect(ports.read(0xcf9, 1)).toBe(0x02);
    expect(ports.read(0xcf8, 4)).toBe(0x80001800);
  });

  it('tells the size of BARs', () => {
    const { read, write } = setUp();
    for (const offset of [0x10, 0x14, 0x18, 0x1c, 0x20]) write(offset, 0xffffffff);
    expect(read(0x10)).toBe(0xffffffe1);
    expect(read(0x14)).toBe(0xfffff000);
    expect([read(0x18), read(0x1c)]).toEqual([0xffffc00c, 0xffffffff]);
    expect(read(0x20)).toBe(0);
  });

  it('maps, moves and unmaps BARs with the command register', () => {
    const { memory, ports, fn, write } = setUp();
    write(0x10, 0xc000);
    write(0x18, 0x40000000);
    write(0x1c, 0x1);
    expect(ports.read(0xc004, 1)).toBe(0xff);
    write(4, 3, 2);
    expect(ports.read(0xc004, 1)).toBe(4);
    expect(memory.read(0x1_4000_0010, 4)).toBe(0x10);
    memory.write(0x1_4000_0010, 4, 7);
    expect(fn.writes).toEqual(['16/4=7']);
    write(0x1c, 0);
    expect(memory.read(0x1_4000_0010, 4)).toBe(0xffffffff);
    expect(memory.read(0x4000_0010, 4)).toBe(0x10);
    write(4, 0, 2);
    expect(ports.read(0xc004, 1)).toBe(0xff);
    expect(memory.read(0x4000_0010, 4)).toBe(0xffffffff);
  });

  it('keeps fixed bits of command and status', () => {
    const { read, write } = setUp();
    write(4, 0xffffffff);
    expect(read(4)).toBe(0x00100547);
    write(0, 0);
    expect(read(0)).toBe(0x10421af4);
    write(0x3c, 0x0b, 1);
    expect(read(0x3c, 2)).toBe(0x010b);
  });

  it('drives the INTx of its slot unless the guest has disabled it', () => {
    const { pirqs, fn, read, write } = setUp();
    fn.config.setInterrupt(true);
    expect(pirqs).toEqual([false, false, true, false]);
    expect(read(6, 2) & 8).toBe(8);
    write(4, 0x400, 2);
    expect(pirqs[2]).toBe(false);
    write(4, 0, 2);
    expect(pirqs[2]).toBe(true);
    fn.reset();
    expect(pirqs[2]).toBe(false);
  });

  it('maps BARs again when a state is loaded', () => {
    const one = setUp();
    one.write(0x18, 0x50000000);
    one.write(4, 2, 2);
    const two = setUp();
    two.fn.load(one.fn.save());
    expect(two.memory.read(0x5000_0020, 4)).toBe(0x20);
  });
});

describe('MSI-X', () => {
  const enabled = () => {
    const it = setUp();
    it.write(0x14, 0xe0000000);
    it.write(4, 6, 2);
    const table = 0xe0000000;
    for (let vector = 0; vector < 3; vector++) {
      it.memory.write(table + 16 * vector, 4, 0xfee01000);
      it.memory.write(table + 16 * vector + 8, 4, 0x41 + vector);
    }
    return { ...it, table };
  };

  it('is found in the capability list', () => {
    const { read } = setUp();
    expect(read(6, 2) & 0x10).toBe(0x10);
    const capability = read(0x34, 1);
    expect(read(capability)).toBe(0x00020011);
    expect(read(capability + 4)).toBe(0x00000001);
    expect(read(capability + 8)).toBe(0x00000801);
  });

  it('sends the message of an open vector', () => {
    const { fn, sent, memory, table, write } = enabled();
    fn.msiX.trigger(1);
    expect(sent).toEqual([]);
    write(0x42, 0x8000, 2);
    memory.write(table + 16 + 12, 4, 0);
    fn.msiX.trigger(1);
    expect(sent).toEqual([
      { destination: 1, logical: false, vector: 0x42, delivery: 0, level: false },
    ]);
  });

  it('keeps a masked vector pending until it is opened', () => {
    const { fn, sent, memory, table, write } = enabled();
    write(0x42, 0xc000, 2);
    memory.write(table + 32 + 12, 4, 0);
    fn.msiX.trigger(2);
    fn.msiX.trigger(0);
    expect(memory.read(table + 0x800, 4)).toBe(5);
    expect(sent).toEqual([]);
    write(0x42, 0x8000, 2);
    expect(sent.map((m) => m.vector)).toEqual([0x43]);
    memory.write(table + 12, 4, 0);
    expect(sent.map((m) => m.vector)).toEqual([0x43, 0x41]);
    expect(memory.read(table + 0x800, 4)).toBe(0);
  });
});
