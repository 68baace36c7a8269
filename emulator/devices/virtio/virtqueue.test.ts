import fc from 'fast-check';
import { beforeEach, describe, expect, test } from 'vitest';
import { ArrayMemory } from './testing/arrayMemory.ts';
import { QueueDriver } from './testing/queueDriver.ts';
import { Virtqueue } from './virtqueue.ts';

const size = 8;
let memory: ArrayMemory;
let driver: QueueDriver;
let queue: Virtqueue;
let interrupts: number;
let broken: string[];

const build = () => {
  interrupts = 0;
  broken = [];
  memory = new ArrayMemory(0x10000, 0);
  driver = new QueueDriver(memory, 0x1000, size);
  queue = new Virtqueue(memory, 256, {
    interrupt: () => interrupts++,
    onBroken: (reason) => broken.push(reason),
  });
};
const start = () => {
  queue.setSize(size);
  queue.setArea('descriptors', driver.descriptors);
  queue.setArea('available', driver.available);
  queue.setArea('used', driver.used);
  queue.enable();
};
beforeEach(() => {
  build();
  start();
});

const bytes = (...values: number[]) => Uint8Array.from(values);

describe('a virtqueue', () => {
  test('pops a chain with its readable and writable parts, and hands it back', () => {
    memory.bytes.set([1, 2, 3, 4, 5], 0x4000);
    const head = driver.add([
      { address: 0x4000, length: 3 },
      { address: 0x4003, length: 2 },
      { address: 0x5000, length: 2, write: true },
      { address: 0x6000, length: 4, write: true },
    ]);
    const chain = queue.pop();
    expect(chain).toMatchObject({ head, readableLength: 5, writableLength: 6 });
    if (chain === undefined) return;
    expect(queue.readChain(chain)).toEqual(bytes(1, 2, 3, 4, 5));
    expect(queue.readChain(chain, 2, 2)).toEqual(bytes(3, 4));
    expect(queue.writeChain(chain, bytes(7, 8, 9), 1)).toBe(3);
    expect(memory.bytes.slice(0x5000, 0x5002)).toEqual(bytes(0, 7));
    expect(memory.bytes.slice(0x6000, 0x6004)).toEqual(bytes(8, 9, 0, 0));
    queue.push(head, 4);
    expect(interrupts).toBe(0);
    queue.signal();
    expect(interrupts).toBe(1);
    expect(driver.take()).toEqual([{ head, written: 4 }]);
    expect(queue.pop()).toBeUndefined();
  });

  test('drops what does not fit into the writable part', () => {
    driver.add([{ address: 0x5000, length: 2, write: true }]);
    const chain = queue.pop();
    expect(chain && queue.writeChain(chain, bytes(1, 2, 3))).toBe(2);
    expect(memory.bytes[0x5002]).toBe(0);
  });

  test('goes round its rings and its 16-bit indexes', () => {
    for (let i = 0; i < 70_000; i++) {
      const head = driver.add([{ address: 0x4000, length: 1, write: true }]);
      expect(queue.pop()?.head).toBe(head);
      queue.push(head, 1);
      if (driver.take()[0]?.head !== head) throw new Error(`lost at ${i}`);
    }
    expect(broken).toEqual([]);
  });

  test('does not interrupt a driver that asked for none by flag', () => {
    driver.setFlags(1);
    const head = driver.add([{ address: 0x4000, length: 1 }]);
    queue.pop();
    queue.push(head, 0);
    queue.signal();
    expect(interrupts).toBe(0);
  });

  test('with event index interrupts when the used index passes the event', () => {
    queue.eventIndex = true;
    driver.setUsedEvent(1);
    const use = () => {
      const head = driver.add([{ address: 0x4000, length: 1 }]);
      queue.pop();
      queue.push(head, 0);
      queue.signal();
      driver.take();
    };
    use();
    expect(interrupts).toBe(0);
    use();
    expect(interrupts).toBe(1);
    use();
    expect(interrupts).toBe(1);
  });

  test('with event index asks for a notification of the next chain once it has run dry', () => {
    queue.eventIndex = true;
    for (let i = 0; i < 3; i++) driver.add([{ address: 0x4000, length: 1 }]);
    for (let i = 0; i < 3; i++) queue.pop();
    expect(driver.availableEvent).toBe(0);
    expect(queue.pop()).toBeUndefined();
    expect(driver.availableEvent).toBe(3);
  });

  test('follows an indirect table that is longer than the queue', () => {
    queue.indirect = true;
    const pieces = Array.from({ length: 20 }, (_, i) => ({ address: 0x4000 + i, length: 1 }));
    memory.bytes.set([...pieces.keys()], 0x4000);
    const head = driver.addIndirect(pieces, 0x3000);
    const chain = queue.pop();
    expect(chain?.head).toBe(head);
    expect(chain && queue.readChain(chain)).toEqual(Uint8Array.from(pieces.keys()));
  });

  test('goes on from a saved state, with the chains that were popped', () => {
    const first = driver.add([{ address: 0x4000, length: 3 }]);
    const second = driver.add([{ address: 0x4100, length: 4 }]);
    queue.pop();
    const saved = structuredClone(queue.save());
    const old = queue;
    queue = new Virtqueue(memory, 256, {
      interrupt: () => interrupts++,
      onBroken: () => undefined,
    });
    queue.load(saved);
    expect(queue.save()).toEqual(old.save());
    expect(queue.chainAt(first)?.readableLength).toBe(3);
    expect(queue.pop()?.head).toBe(second);
    queue.push(first, 0);
    queue.push(second, 0);
    queue.signal();
    expect(driver.take().map((u) => u.head)).toEqual([first, second]);
    expect(interrupts).toBe(1);
  });

  test('refuses a saved state of another version or shape', () => {
    expect(() => queue.load({ version: 9, data: {} })).toThrow(/version 9/);
    expect(() => queue.load({ version: 1, data: { size: 3 } })).toThrow(/damaged/);
  });
});

describe('a hostile driver breaks its queue and nothing else', () => {
  const expectBroken = (reason: RegExp) => {
    expect(queue.pop()).toBeUndefined();
    expect(broken).toHaveLength(1);
    expect(broken[0]).toMatch(reason);
    // Once broken it stays so, silently, until it is reset.
    expect(queue.pop()).toBeUndefined();
    queue.push(0, 0);
    queue.signal();
    expect(broken).toHaveLength(1);
    expect(interrupts).toBe(0);
    expect(driver.usedIndex).toBe(0);
  };
  const piece = { address: 0x4000, length: 4 };

  test('by a loop', () => {
    driver.setDescriptor(0, piece, 1, 1);
    driver.setDescriptor(1, piece, 1, 0);
    driver.makeAvailable(0);
    expectBroken(/loop/);
  });
  test('by a loop within an indirect table', () => {
    queue.indirect = true;
    driver.setDescriptor(0, piece, 1, 0, 0x3000);
    driver.setDescriptor(0, { address: 0x3000, length: 32 }, 4, 0);
    driver.makeAvailable(0);
    expectBroken(/loop/);
  });
  test('by a head or a next index that does not exist', () => {
    driver.makeAvailable(size);
    expectBroken(/does not exist/);
    build();
    start();
    driver.setDescriptor(0, piece, 1, 0xffff);
    driver.makeAvailable(0);
    expectBroken(/does not exist/);
  });
  test('by a buffer outside of RAM', () => {
    driver.add([{ address: 0xfffe, length: 4 }]);
    expectBroken(/not in RAM/);
    build();
    start();
    driver.add([{ address: 2 ** 52, length: 4 }]);
    expectBroken(/not in RAM/);
  });
  test('by a length of zero', () => {
    driver.add([{ address: 0x4000, length: 0 }]);
    expectBroken(/length 0/);
  });
  test('by a readable part behind a writable one', () => {
    driver.add([{ ...piece, write: true }, piece]);
    expectBroken(/readable/);
  });
  test('by more chains than the ring holds', () => {
    driver.setAvailableIndex(size + 1);
    expectBroken(/claims 9 chains/);
  });
  test('by indirect tables that are not negotiated, nested, chained or of a wrong size', () => {
    driver.addIndirect([piece], 0x3000);
    expectBroken(/negotiated/);
    for (const [length, flags, inner] of [
      [16, 4, 4],
      [16, 5, 0],
      [24, 4, 0],
      [16 * 4096, 4, 0],
    ] as const) {
      build();
      memory = new ArrayMemory(0x40000);
      driver = new QueueDriver(memory, 0x1000, size);
      queue = new Virtqueue(memory, 256, {
        interrupt: () => interrupts++,
        onBroken: (reason) => broken.push(reason),
      });
      start();
      queue.indirect = true;
      driver.setDescriptor(0, { address: 0x3000, length: 16 }, inner, 0, 0x3000);
      driver.setDescriptor(0, { address: 0x3000, length }, flags, 0);
      driver.makeAvailable(0);
      expectBroken(/indirect/);
    }
  });
  test('by rings outside of RAM or misaligned', () => {
    for (const address of [0x10000, 0x1004, 2 ** 60]) {
      build();
      queue.setSize(size);
      queue.setArea('descriptors', address);
      queue.setArea('available', driver.available);
      queue.setArea('used', driver.used);
      queue.enable();
      expect(broken[0]).toMatch(/ring lies outside/);
      expect(queue.pop()).toBeUndefined();
    }
  });
  test('by random rings', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 0x300, maxLength: 0x300 }),
        fc.boolean(),
        (ring, indirect) => {
          build();
          start();
          queue.indirect = indirect;
          queue.eventIndex = indirect;
          memory.bytes.set(ring, 0x1000);
          for (let i = 0; i < 20; i++) {
            const chain = queue.pop();
            if (chain === undefined) break;
            queue.readChain(chain, 0, 1000);
            queue.push(chain.head, queue.writeChain(chain, new Uint8Array(100)));
            queue.signal();
          }
          expect(broken.length).toBeLessThanOrEqual(1);
        },
      ),
      { numRuns: 300 },
    );
  });
});
