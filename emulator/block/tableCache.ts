/** Tables of an image that are kept in memory and written back in flushes. */
import type { ImageFile } from './imageFile.ts';

export interface Table {
  readonly at: number;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** What differs from the file: bytes [from, to). */
  dirtyFrom: number;
  dirtyTo: number;
  writing: boolean;
  /** How often the search for room passes it by. */
  kept: number;
}

export interface DirtyPart {
  readonly table: Table;
  readonly from: number;
  readonly content: Uint8Array;
}

export class TableCache {
  readonly #file: ImageFile;
  readonly #tableSize: number;
  readonly #most: number;
  readonly #tables = new Map<number, Table>();
  readonly #loading = new Map<number, Promise<void>>();
  readonly #dirty = new Set<Table>();

  /** `most`: tables kept; those that differ from the file are kept in any case. */
  constructor(file: ImageFile, tableSize: number, most: number) {
    this.#file = file;
    this.#tableSize = tableSize;
    this.#most = most;
  }

  get dirtyCount(): number {
    return this.#dirty.size;
  }

  /** The table if it is at hand. Change it before anything else can run, or get it anew. */
  peek(at: number): Table | undefined {
    const table = this.#tables.get(at);
    if (table !== undefined) table.kept = 2;
    return table;
  }

  /** Resolves when `peek` will find it, for the next step at least. */
  load(at: number): Promise<void> {
    let loading = this.#loading.get(at);
    if (loading === undefined) {
      const bytes = new Uint8Array(this.#tableSize);
      loading = this.#file
        .read(at, [bytes])
        .then(() => void (this.#tables.has(at) || this.#add(at, bytes)))
        .finally(() => this.#loading.delete(at));
      this.#loading.set(at, loading);
    }
    return loading;
  }

  async get(at: number): Promise<Table> {
    for (;;) {
      const table = this.peek(at);
      if (table !== undefined) return table;
      await this.load(at);
    }
  }

  /** A new table that is not in the file yet, all of it to be written. */
  create(at: number, bytes: Uint8Array = new Uint8Array(this.#tableSize)): Table {
    const table = this.#add(at, bytes);
    this.changed(table, 0, this.#tableSize);
    return table;
  }

  #add(at: number, bytes: Uint8Array): Table {
    if (this.#tables.size >= this.#most) this.#makeRoom();
    const table: Table = {
      ...{ at, bytes, view: new DataView(bytes.buffer), kept: 2, writing: false },
      ...{ dirtyFrom: bytes.length, dirtyTo: 0 },
    };
    this.#tables.set(at, table);
    return table;
  }

  /** Drops a clean table that was not used since the search last came by, if it soon finds one. */
  #makeRoom(): void {
    let looks = Math.min(64, this.#tables.size);
    for (const table of this.#tables.values()) {
      if (looks-- === 0) return;
      this.#tables.delete(table.at);
      if (table.kept === 0 && !table.writing && table.dirtyTo === 0) return;
      table.kept = Math.max(0, table.kept - 1);
      this.#tables.set(table.at, table);
    }
  }

  changed(table: Table, from: number, to: number): void {
    const there = this.#tables.get(table.at);
    if (there === undefined) this.#tables.set(table.at, table);
    else if (there !== table) throw new Error('A table was changed that is not the current one.');
    table.dirtyFrom = Math.min(table.dirtyFrom, from);
    table.dirtyTo = Math.max(table.dirtyTo, to);
    this.#dirty.add(table);
  }

  /** Forgets a table whose cluster is used for something else. */
  drop(at: number): void {
    const table = this.#tables.get(at);
    if (table === undefined) return;
    this.#tables.delete(at);
    this.#dirty.delete(table);
  }

  /** Copies of all that differs now; what is changed later is for the next flush. */
  takeDirty(): DirtyPart[] {
    const parts = [...this.#dirty].map((table) => {
      const from = table.dirtyFrom - (table.dirtyFrom % 512);
      const to = Math.min(this.#tableSize, Math.ceil(table.dirtyTo / 512) * 512);
      table.dirtyFrom = this.#tableSize;
      table.dirtyTo = 0;
      table.writing = true;
      return { table, from, content: table.bytes.slice(from, to) };
    });
    this.#dirty.clear();
    return parts;
  }

  async write(parts: readonly DirtyPart[]): Promise<void> {
    for (let i = 0; i < parts.length; i += 32)
      await Promise.all(
        parts
          .slice(i, i + 32)
          .map(({ table, from, content }) => this.#file.write(table.at + from, [content])),
      );
  }

  /** After the write, or after it has failed: then the parts differ again. */
  done(parts: readonly DirtyPart[], written: boolean): void {
    for (const { table, from, content } of parts) {
      table.writing = false;
      if (!written && this.#tables.get(table.at) === table)
        this.changed(table, from, from + content.length);
    }
  }
}
