/**
 * Power cuts on recorded writes. Of what a file was given, a cut keeps all that a finished flush
 * covered and any part of the rest, sector by sector; of the disk above, what was flushed must be
 * there afterwards, and every other sector is old or new, never something else.
 */
import type { BlockImage } from '../../../emulator/block/blockImage.ts';
import type { ImageFile } from '../../../emulator/block/imageFile.ts';
import { MemoryFile } from '../../../emulator/block/memoryFile.ts';
import type { Random } from './random.ts';

const sector = 512;
const zeroSector = Buffer.alloc(sector);

type FileEvent =
  | { kind: 'write'; offset: number; bytes: Uint8Array }
  | { kind: 'resize'; size: number }
  | { kind: 'punch'; offset: number; length: number };
type Event =
  | { at: 'file'; id: number; event: FileEvent }
  | { at: 'file done'; id: number }
  | { at: 'file flush'; id: number }
  | { at: 'file flushed'; id: number }
  /** `weak`: it need not take effect, as a discard. */
  | { at: 'disk'; id: number; offset: number; bytes: Uint8Array; weak: boolean }
  | { at: 'disk done'; id: number }
  | { at: 'disk flush'; id: number }
  | { at: 'disk flushed'; id: number };

/** What happened to a file and to the disk in it, in one order. */
export class Recording {
  readonly events: Event[] = [];
  #id = 0;

  /** The file, with all that is done to it recorded; calls end some turns later, in another order. */
  file(file: ImageFile, random: Random): ImageFile {
    const later = async (): Promise<void> => {
      for (let turns = random.below(6); turns > 0; turns--) await Promise.resolve();
      if (random.next() < 0.2) await new Promise((resolve) => setImmediate(resolve));
    };
    const record = async <T>(event: FileEvent, work: () => Promise<T>): Promise<T> => {
      const id = this.#id++;
      this.events.push({ at: 'file', id, event });
      const result = await work();
      await later();
      this.events.push({ at: 'file done', id });
      return result;
    };
    return {
      path: file.path,
      readOnly: file.readOnly,
      get size() {
        return file.size;
      },
      read: async (offset, buffers) => {
        await later();
        await file.read(offset, buffers);
      },
      write: (offset, buffers) => {
        const bytes = new Uint8Array(Buffer.concat(buffers));
        return record({ kind: 'write', offset, bytes }, () => file.write(offset, [bytes]));
      },
      writeNow: (offset, buffers) => {
        if (file.writeNow === undefined) return false;
        const id = this.#id++;
        const bytes = new Uint8Array(Buffer.concat(buffers));
        this.events.push({ at: 'file', id, event: { kind: 'write', offset, bytes } });
        if (!file.writeNow(offset, [bytes])) throw new Error('a file of the test writes later');
        this.events.push({ at: 'file done', id });
        return true;
      },
      resize: (size) => record({ kind: 'resize', size }, () => file.resize(size)),
      punchHole: (offset, length) =>
        record({ kind: 'punch', offset, length }, () => file.punchHole(offset, length)),
      flush: async () => {
        const id = this.#id++;
        this.events.push({ at: 'file flush', id });
        await later();
        this.events.push({ at: 'file flushed', id });
      },
      stretch: () => file.stretch(0),
      allocated: () => file.allocated(),
      close: () => file.close(),
    };
  }

  /** The disk, with its writes and flushes recorded. */
  disk(image: BlockImage): BlockImage {
    const change = async (
      offset: number,
      bytes: Uint8Array,
      weak: boolean,
      work: () => Promise<void>,
    ): Promise<void> => {
      const id = this.#id++;
      this.events.push({ at: 'disk', id, offset, bytes, weak });
      await work();
      this.events.push({ at: 'disk done', id });
    };
    const own: Partial<BlockImage> = {
      writeNow: (offset, buffers) => {
        const bytes = new Uint8Array(Buffer.concat(buffers));
        const begun = { at: 'disk', id: this.#id++, offset, bytes, weak: false } as const;
        this.events.push(begun);
        const done = image.writeNow?.(offset, buffers) ?? false;
        if (done) this.events.push({ at: 'disk done', id: begun.id });
        else this.events.splice(this.events.indexOf(begun), 1);
        return done;
      },
      write: (offset, buffers) =>
        change(offset, new Uint8Array(Buffer.concat(buffers)), false, () =>
          image.write(offset, buffers),
        ),
      discard: (offset, length) =>
        change(offset, new Uint8Array(length), true, () => image.discard(offset, length)),
      writeZeroes: (offset, length) =>
        change(offset, new Uint8Array(length), false, () => image.writeZeroes(offset, length)),
      flush: async () => {
        const id = this.#id++;
        this.events.push({ at: 'disk flush', id });
        await image.flush();
        this.events.push({ at: 'disk flushed', id });
      },
    };
    return new Proxy(image, {
      get: (target, name) => {
        const value: unknown = Reflect.get(own, name) ?? Reflect.get(target, name, target);
        return typeof value === 'function' ? value.bind(target) : value;
      },
    });
  }
}

interface Pending {
  readonly event: FileEvent;
  /** Indexes of the events with which it was asked for and done. */
  readonly askedAt: number;
  doneAt: number;
}

/** A change that a cut keeps; of a write perhaps only its first sectors. */
export interface KeptChange {
  readonly id: number;
  readonly sectors?: number | undefined;
}

interface Version {
  readonly id: number;
  readonly content: Buffer;
  readonly weak: boolean;
  /** Index of the event with which it was done. */
  doneAt: number;
}

/** Goes along a recording; `cut` gives what a power cut would leave at the present point. */
export class Replay {
  readonly #events: readonly Event[];
  /** All that is durable. */
  readonly #file: MemoryFile;
  readonly #pending = new Map<number, Pending>();
  readonly #flushes = new Map<number, number>();
  /** What each sector may hold, in order; the first is durable. */
  readonly #versions: Version[][];
  /** Sectors of the disk before it grew. */
  readonly #before: number;
  position = 0;

  /** `grownTo`: the size in bytes to which the disk is made to grow, if it is; new sectors are zero. */
  constructor(recording: Recording, file: Uint8Array, disk: Uint8Array, grownTo = disk.length) {
    this.#events = recording.events;
    this.#file = new MemoryFile(Uint8Array.from(file));
    const whole = new Uint8Array(grownTo);
    whole.set(disk);
    this.#versions = Array.from({ length: grownTo / sector }, (_, i) => [
      {
        ...{ id: -1, weak: false, doneAt: 0 },
        content: Buffer.from(whole.slice(i * sector, (i + 1) * sector).buffer),
      },
    ]);
    this.#before = disk.length / sector;
  }

  get atEnd(): boolean {
    return this.position >= this.#events.length;
  }

  /** Goes to the end of the recording. */
  async finish(): Promise<void> {
    while (this.position < this.#events.length) await this.step();
  }

  async step(): Promise<void> {
    const now = this.position++;
    const event = this.#events[now] as Event;
    switch (event.at) {
      case 'file':
        this.#pending.set(event.id, { event: event.event, askedAt: now, doneAt: Infinity });
        break;
      case 'file done':
        (this.#pending.get(event.id) as Pending).doneAt = now;
        break;
      case 'file flush':
      case 'disk flush':
        this.#flushes.set(event.id, now);
        break;
      case 'file flushed': {
        const since = this.#flushes.get(event.id) as number;
        for (const [id, { event: change, doneAt }] of this.#pending) {
          if (doneAt > since) continue;
          await apply(this.#file, change);
          this.#pending.delete(id);
        }
        break;
      }
      case 'disk':
        for (let at = 0; at < event.bytes.length; at += sector)
          this.#versions[(event.offset + at) / sector]?.push({
            ...{ id: event.id, weak: event.weak, doneAt: Infinity },
            content: Buffer.from(event.bytes.buffer, event.bytes.byteOffset + at, sector),
          });
        break;
      case 'disk done':
        for (const versions of this.#versions)
          for (const version of versions) if (version.id === event.id) version.doneAt = now;
        break;
      case 'disk flushed': {
        const since = this.#flushes.get(event.id) as number;
        for (const versions of this.#versions) {
          const last = versions.findLastIndex(({ doneAt, weak }) => doneAt <= since && !weak);
          if (last > 0) versions.splice(0, last);
        }
        break;
      }
    }
  }

  /** 'all': everything that was issued is there; otherwise parts of it by chance. */
  async cut(random: Random, how: 'all' | 'parts'): Promise<Uint8Array> {
    const file = new MemoryFile(Uint8Array.from(this.#file.bytes));
    const chance = how === 'all' ? 1 : random.pick([0.1, 0.5, 0.9]);
    for (const { event } of this.#pending.values()) {
      if (random.next() >= chance) continue;
      const torn = how === 'parts' && random.next() < 0.3;
      if (event.kind !== 'write' || !torn) {
        await apply(file, event);
        continue;
      }
      // Sectors are written whole or not at all.
      let at = 0;
      while (at < event.bytes.length) {
        const next = Math.min(event.bytes.length, at + sector - ((event.offset + at) % sector));
        if (random.next() < 0.5)
          await file.write(event.offset + at, [event.bytes.subarray(at, next)]);
        at = next;
      }
    }
    return file.bytes;
  }

  /** What happens next; undefined at the end. */
  get next(): Event['at'] | undefined {
    return this.#events[this.position]?.at;
  }

  /** Changes that no finished flush covers, in the order in which they were asked for. */
  get pending(): number[] {
    return [...this.#pending.keys()];
  }

  /** Sectors that the change writes; 1 for what happens as a whole. */
  sectorsOf(id: number): number {
    const { event } = this.#pending.get(id) as Pending;
    if (event.kind !== 'write') return 1;
    const first = Math.floor(event.offset / sector);
    return Math.ceil((event.offset + event.bytes.length) / sector) - first;
  }

  /** Whether the order of two pending changes is open and makes a difference. */
  mayChange(first: number, second: number): boolean {
    const [a, b] = [first, second].map((id) => this.#pending.get(id) as Pending);
    if (a === undefined || b === undefined) return false;
    if (a.doneAt < b.askedAt || b.doneAt < a.askedAt) return false;
    const [[from, to], [start, end]] = [spanOf(a.event), spanOf(b.event)];
    return from < end && start < to;
  }

  /** What a power cut leaves that keeps just these pending changes, which take effect in this order. */
  async leaving(kept: readonly KeptChange[]): Promise<Uint8Array> {
    const file = new MemoryFile(Uint8Array.from(this.#file.bytes));
    for (const { id, sectors } of kept) {
      const { event } = this.#pending.get(id) as Pending;
      if (event.kind !== 'write' || sectors === undefined) await apply(file, event);
      else {
        const length = sectors * sector - (event.offset % sector);
        await file.write(event.offset, [event.bytes.subarray(0, length)]);
      }
    }
    return file.bytes;
  }

  /** Throws if a sector holds what it may not. */
  check(disk: Uint8Array): void {
    const whole = Buffer.from(disk.buffer, disk.byteOffset, disk.length);
    for (const [i, versions] of this.#versions.entries()) {
      const [from, to] = [i * sector, (i + 1) * sector];
      // It may not have grown yet, if nothing that was flushed lies there.
      if (to > disk.length && i >= this.#before && versions[0]?.id === -1) continue;
      if (versions.some((version) => version.content.compare(whole, from, to) === 0)) continue;
      const content = whole.subarray(from, to);
      throw new Error(
        `sector ${i} holds ${content.equals(zeroSector) ? 'zeroes' : content.toString('hex', 0, 8)}, ` +
          `not one of ${versions.map(({ content: c }) => c.toString('hex', 0, 8)).join(', ')}`,
      );
    }
  }
}

/** The bytes of the file that a change has to do with. */
function spanOf(event: FileEvent): readonly [number, number] {
  if (event.kind === 'resize') return [event.size, Infinity];
  const length = event.kind === 'write' ? event.bytes.length : event.length;
  return [event.offset, event.offset + length];
}

async function apply(file: ImageFile, event: FileEvent): Promise<void> {
  if (event.kind === 'write') await file.write(event.offset, [event.bytes]);
  else if (event.kind === 'resize') await file.resize(event.size);
  else await file.punchHole(event.offset, event.length);
}
