import { beforeEach, describe, expect, test } from 'vitest';
import { BlockError, type BlockBackend } from '../../backends/block.ts';
import { MemoryDisk } from '../../block/memoryDisk.ts';
import { PciDriver } from '../virtio/testing/pciDriver.ts';
import { VirtioBlock } from './virtioBlock.ts';

// virtio 1.2 §5.2
const [IN, OUT, FLUSH, GET_ID, DISCARD, WRITE_ZEROES] = [0, 1, 4, 8, 11, 13];
const [OK, IOERR, UNSUPP] = [0, 1, 2];
const headerAt = 0x40000;
const dataAt = 0x50000;
const statusAt = 0x41000;

/** A disk whose calls wait until the test lets them go, and that can fail. */
class GatedDisk extends MemoryDisk {
  readonly log: string[] = [];
  readonly waiting: (() => void)[] = [];
  gated = false;
  failure: BlockError | undefined;

  async #gate(what: string): Promise<void> {
    this.log.push(what);
    if (this.gated) await new Promise<void>((go) => this.waiting.push(go));
    if (this.failure !== undefined) throw this.failure;
  }
  override async read(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#gate(`read ${offset}`);
    await super.read(offset, buffers);
  }
  override async write(offset: number, buffers: readonly Uint8Array[]): Promise<void> {
    await this.#gate(`write ${offset}`);
    await super.write(offset, buffers);
  }
  override async flush(): Promise<void> {
    await this.#gate('flush');
  }
}

let disk: GatedDisk;
let driver: PciDriver;
let block: VirtioBlock;
let hostFailures: BlockError[];

const build = (backend: BlockBackend) => {
  hostFailures = [];
  block = new VirtioBlock({
    disk: backend,
    serial: 'guesthouse-0',
    onHostFailure: (error) => hostFailures.push(error),
  });
  driver = new PciDriver(block);
};
beforeEach(() => {
  disk = new GatedDisk(1 << 20);
  build(disk);
  driver.start(0n, 64);
});

const settle = () => new Promise((resolve) => setTimeout(resolve, 1));
const pattern = (length: number, seed: number) =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed) & 0xff);

let slot = 0;
/** Submits a request and returns where its status will be. */
const submit = (
  type: number,
  sector: number,
  data: { read?: Uint8Array; write?: number; at?: number },
) => {
  const n = slot++ % 64;
  const header = headerAt + 16 * n;
  const view = new DataView(new ArrayBuffer(16));
  view.setUint32(0, type, true);
  view.setBigUint64(8, BigInt(sector), true);
  driver.put(header, new Uint8Array(view.buffer));
  driver.put(statusAt + n, Uint8Array.of(0xff));
  const at = data.at ?? dataAt;
  const pieces = [{ address: header, length: 16 }];
  if (data.read !== undefined) {
    driver.put(at, data.read);
    pieces.push({ address: at, length: data.read.length });
  }
  driver
    .queue(0)
    .add([
      ...pieces,
      ...(data.write === undefined ? [] : [{ address: at, length: data.write, write: true }]),
      { address: statusAt + n, length: 1, write: true },
    ]);
  driver.notify(0);
  return statusAt + n;
};
const statusOf = (at: number) => driver.get(at, 1)[0];
const ranges = (...list: readonly (readonly [sector: number, count: number, flags: number])[]) => {
  const view = new DataView(new ArrayBuffer(16 * list.length));
  list.forEach(([sector, count, flags], i) => {
    view.setBigUint64(16 * i, BigInt(sector), true);
    view.setUint32(16 * i + 8, count, true);
    view.setUint32(16 * i + 12, flags, true);
  });
  return new Uint8Array(view.buffer);
};

describe('a virtio disk', () => {
  test('shows its size and limits', () => {
    expect(driver.deviceConfig(0, 4)).toBe(2048);
    expect(driver.deviceConfig(12, 4)).toBeGreaterThanOrEqual(126); // seg_max
    expect(driver.deviceConfig(20, 4)).toBe(512); // blk_size
    expect(driver.offered() & (1n << 5n)).toBe(0n); // not read-only
    expect(driver.offered() & (1n << 9n)).not.toBe(0n); // flush
  });

  test('writes, flushes and reads back', async () => {
    const data = pattern(4096, 1);
    const written = submit(OUT, 8, { read: data });
    await settle();
    expect(statusOf(written)).toBe(OK);
    const flushed = submit(FLUSH, 0, {});
    await settle();
    expect(statusOf(flushed)).toBe(OK);
    expect(disk.bytes.slice(4096, 8192)).toEqual(data);
    const read = submit(IN, 8, { write: 4096, at: 0x60000 });
    await settle();
    expect(statusOf(read)).toBe(OK);
    expect(driver.get(0x60000, 4096)).toEqual(data);
    expect(
      driver
        .queue(0)
        .take()
        .map((u) => u.written),
    ).toEqual([1, 1, 4097]);
    expect(driver.messages.every((vector) => vector === 0x41)).toBe(true);
    expect(block.counters).toMatchObject({ reads: 1, writes: 1, flushes: 1, bytesRead: 4096 });
  });

  test('does not care how a request is cut into descriptors', async () => {
    disk.bytes.set(pattern(1024, 5), 512);
    driver.put(headerAt, new Uint8Array(16));
    driver.put(headerAt + 8, Uint8Array.of(1));
    driver.queue(0).add([
      { address: headerAt, length: 5 },
      { address: headerAt + 5, length: 11 },
      { address: dataAt, length: 700, write: true },
      { address: dataAt + 0x1000, length: 325, write: true },
    ]);
    driver.notify(0);
    await settle();
    expect(driver.get(dataAt, 700)).toEqual(pattern(1024, 5).slice(0, 700));
    expect(driver.get(dataAt + 0x1000, 325)).toEqual(
      Uint8Array.of(...pattern(1024, 5).slice(700), OK),
    );
  });

  test('keeps many requests in flight and completes them as the host does', async () => {
    disk.gated = true;
    const statuses = [0, 1, 2, 3].map((i) => submit(IN, i, { write: 512, at: dataAt + 512 * i }));
    await settle();
    expect(disk.log).toHaveLength(4);
    disk.waiting[2]?.();
    await settle();
    expect(statuses.map(statusOf)).toEqual([0xff, 0xff, OK, 0xff]);
    for (const go of disk.waiting) go();
    await settle();
    expect(statuses.map(statusOf)).toEqual([OK, OK, OK, OK]);
  });

  test('gives its serial number', async () => {
    const status = submit(GET_ID, 0, { write: 20 });
    await settle();
    expect(statusOf(status)).toBe(OK);
    expect(new TextDecoder().decode(driver.get(dataAt, 20)).replace(/\0+$/, '')).toBe(
      'guesthouse-0',
    );
  });

  test('discards and zeroes ranges', async () => {
    disk.bytes.fill(0x55);
    const statuses = [
      submit(DISCARD, 0, { read: ranges([8, 8, 0], [32, 8, 0]) }),
      submit(WRITE_ZEROES, 0, { read: ranges([64, 1, 1]), at: dataAt + 0x1000 }),
    ];
    await settle();
    expect(statuses.map(statusOf)).toEqual([OK, OK]);
    const zero = (sector: number) => disk.bytes[sector * 512] === 0;
    expect([7, 8, 15, 16, 32, 40, 63, 64, 65].filter(zero)).toEqual([8, 15, 32, 64]);
  });

  test('refuses what is wrong with a request, and goes on', async () => {
    const statuses = [
      submit(IN, 2048, { write: 512 }),
      submit(IN, 2 ** 40, { write: 512 }),
      submit(IN, 0, { write: 500 }),
      submit(OUT, 2047, { read: new Uint8Array(1024) }),
      submit(99, 0, { write: 512 }),
      submit(DISCARD, 0, { read: ranges([0, 8, 1]) }),
      submit(DISCARD, 0, { read: ranges([2040, 16, 0]) }),
    ];
    await settle();
    expect(statuses.map(statusOf)).toEqual([IOERR, IOERR, IOERR, IOERR, UNSUPP, UNSUPP, IOERR]);
    driver.queue(0).take();
    const good = submit(IN, 0, { write: 512 });
    await settle();
    expect(statusOf(good)).toBe(OK);
  });

  test('needs a reset after a request without header or status', async () => {
    driver.queue(0).add([{ address: headerAt, length: 15 }]);
    driver.notify(0);
    await settle();
    expect(driver.status & 64).toBe(64);
    expect(driver.reports).toHaveLength(1);
    expect(driver.messages).toContain(0x40);
  });

  test('is read-only if its disk is', async () => {
    build(new MemoryDisk(4096, true));
    driver.start();
    expect(driver.offered() & (1n << 5n)).not.toBe(0n);
    expect(driver.offered() & ((1n << 13n) | (1n << 14n))).toBe(0n);
    const status = submit(OUT, 0, { read: new Uint8Array(512) });
    await settle();
    expect(statusOf(status)).toBe(IOERR);
  });

  test('flushes every write for a driver that cannot flush', async () => {
    build(disk);
    driver.start(1n << 9n);
    submit(OUT, 0, { read: new Uint8Array(512) });
    await settle();
    expect(disk.log).toEqual(['write 0', 'flush']);
  });
});

describe('when the host fails', () => {
  test("an I/O error is the guest's error", async () => {
    disk.failure = new BlockError('io', 'broken');
    const status = submit(IN, 0, { write: 512 });
    await settle();
    expect(statusOf(status)).toBe(IOERR);
    expect(hostFailures).toEqual([]);
    expect(block.counters.errors).toBe(1);
  });

  test('without space the request waits, across a save and load, until resume tries it again', async () => {
    disk.failure = new BlockError('no-space', 'full');
    const status = submit(OUT, 4, { read: pattern(512, 9) });
    await settle();
    expect(statusOf(status)).toBe(0xff);
    expect(hostFailures.map((e) => e.message)).toEqual(['full']);
    await driver.fn.pause();
    const saved = structuredClone(driver.fn.save());
    disk.failure = undefined;
    const { memory } = driver;
    const second = new PciDriver(
      new VirtioBlock({ disk, serial: '', onHostFailure: () => undefined }),
      memory,
    );
    second.fn.load(saved);
    expect(second.fn.save()).toEqual(saved);
    second.fn.resume();
    await settle();
    expect(memory.bytes[status]).toBe(OK);
    expect(disk.bytes.slice(2048, 2560)).toEqual(pattern(512, 9));
    expect(second.messages).toEqual([0x41]);
  });
});

describe('a disk that needs no waiting', () => {
  /** Everything but what `later` says is at hand. */
  class ReadyDisk extends GatedDisk {
    later = false;
    #moved(offset: number, buffers: readonly Uint8Array[], write: boolean): boolean {
      for (const buffer of buffers) {
        const here = this.bytes.subarray(offset, offset + buffer.length);
        if (write) here.set(buffer);
        else buffer.set(here);
        offset += buffer.length;
      }
      return !this.later;
    }
    readNow(offset: number, buffers: readonly Uint8Array[]): boolean {
      return this.#moved(offset, buffers, false);
    }
    writeNow(offset: number, buffers: readonly Uint8Array[]): boolean {
      return this.#moved(offset, buffers, true);
    }
  }
  let ready: ReadyDisk;
  beforeEach(() => {
    ready = new ReadyDisk(1 << 20);
    build(ready);
    driver.start(0n, 64);
  });

  test('has done a request when the notification returns', () => {
    const written = submit(OUT, 8, { read: pattern(4096, 1) });
    expect(statusOf(written)).toBe(OK);
    const read = submit(IN, 8, { write: 4096, at: 0x60000 });
    expect(statusOf(read)).toBe(OK);
    expect(driver.get(0x60000, 4096)).toEqual(pattern(4096, 1));
    expect(ready.log).toEqual([]);
    expect(block.counters).toMatchObject({ reads: 1, writes: 1, bytesRead: 4096 });
  });

  test('interrupts once for what was asked in a turn, and asks for no notifications in it', async () => {
    submit(IN, 0, { write: 512 });
    expect(driver.messages).toEqual([]);
    const second = submit(IN, 1, { write: 512 });
    expect(driver.queue(0).availableEvent).toBe(0);
    await settle();
    expect(statusOf(second)).toBe(OK);
    expect(driver.messages).toEqual([0x41]);
    expect(driver.queue(0).availableEvent).toBe(2);
  });

  test('waits for what is not at hand', async () => {
    ready.later = true;
    const statuses = [submit(OUT, 0, { read: pattern(512, 3) }), submit(IN, 0, { write: 512 })];
    expect(statuses.map(statusOf)).toEqual([0xff, 0xff]);
    await settle();
    expect(statuses.map(statusOf)).toEqual([OK, OK]);
    expect(ready.log).toEqual(['write 0', 'read 0']);
  });

  test('is refused what lies outside, and a driver that cannot flush has its writes flushed', async () => {
    const outside = submit(IN, 2048, { write: 512 });
    await settle();
    expect(statusOf(outside)).toBe(IOERR);
    driver.start(1n << 9n);
    submit(OUT, 0, { read: new Uint8Array(512) });
    await settle();
    expect(ready.log).toEqual(['write 0', 'flush']);
  });

  test('pause also waits for what the device finds in its next look', async () => {
    submit(IN, 0, { write: 512 });
    ready.gated = true;
    ready.later = true;
    const status = submit(IN, 1, { write: 512 });
    let paused = false;
    void driver.fn.pause().then(() => (paused = true));
    await settle();
    expect(paused).toBe(false);
    ready.waiting[0]?.();
    await settle();
    expect(paused).toBe(true);
    expect(statusOf(status)).toBe(OK);
  });
});

describe('pause and reset', () => {
  test('pause waits for what is in flight', async () => {
    disk.gated = true;
    const status = submit(IN, 0, { write: 512 });
    let paused = false;
    void driver.fn.pause().then(() => (paused = true));
    await settle();
    expect(paused).toBe(false);
    disk.waiting[0]?.();
    await settle();
    expect(paused).toBe(true);
    expect(statusOf(status)).toBe(OK);
  });

  test('a pause that is to be soon leaves a flush for resume to do again', async () => {
    disk.gated = true;
    const status = submit(FLUSH, 0, {});
    await settle();
    await driver.fn.pause(true);
    expect(statusOf(status)).toBe(0xff);
    for (const go of disk.waiting.splice(0)) go();
    await settle();
    expect(statusOf(status)).toBe(0xff);
    driver.fn.resume();
    await settle();
    for (const go of disk.waiting.splice(0)) go();
    await settle();
    expect(statusOf(status)).toBe(OK);
    expect(disk.log).toEqual(['flush', 'flush']);
  });

  test('after a reset nothing of before reaches the guest, and new requests do not overtake it', async () => {
    disk.gated = true;
    const status = submit(OUT, 0, { read: pattern(512, 1) });
    const read = submit(IN, 1, { write: 512, at: 0x60000 });
    await settle();
    driver.memory.bytes.fill(0xee, 0x60000, 0x60200);
    driver.start();
    const later = submit(OUT, 0, { read: pattern(512, 2) });
    await settle();
    expect(disk.log).toEqual(['write 0', 'read 512']);
    disk.gated = false;
    for (const go of disk.waiting) go();
    await settle();
    expect(statusOf(status)).toBe(0xff);
    expect(statusOf(read)).toBe(0xff);
    expect(driver.get(0x60000, 512).every((byte) => byte === 0xee)).toBe(true);
    expect(statusOf(later)).toBe(OK);
    expect(disk.bytes.slice(0, 512)).toEqual(pattern(512, 2));
  });
});
