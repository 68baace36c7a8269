/**
 * Translates what got hot, between two slices: reads the list the core keeps, forms regions, compiles them as one module a
 * batch, and tells the blocks where their code is. Regions die when their bytes are written (the core clears
 * their byte) or the core drops all decoded code; their table entries are then used again.
 */
import {
  BLOCK_BYTES,
  BLOCK_HEADER,
  BLOCK_REGION,
  HANDLER_RECORDS_SIZE,
  HOOK_ENTRY,
  HOOK_FUNCTION,
  HOOK_HEAT,
  HOOK_OFFSET,
  HOT_MAX,
  OFF_ARENA_EPOCH,
  OFF_COUNT_EXIT_BUDGET,
  OFF_COUNT_EXIT_DIRECT,
  OFF_COUNT_EXIT_EVENT,
  OFF_COUNT_EXIT_FAULT,
  OFF_COUNT_EXIT_INDIRECT,
  OFF_COUNT_EXIT_INTERPRET,
  OFF_COUNT_INVALIDATED,
  OFF_COUNT_REGION_RETIRED,
  OFF_COUNT_REGION_RUNS,
  OFF_HEAT_LIMIT,
  OFF_HOT,
  OFF_HOT_COUNT,
  OFF_INSTRET,
  OFF_REGION_LIFE,
  RECORD_SIZE,
  REC_HANDLER,
  REGION_MAX,
  VCPU_REGION_SIZE,
} from '../../cpu/layout.ts';
import { coreTypes, helperType, helpersOf } from '../../translator/coreFunctions.ts';
import { emitRegion } from '../../translator/regionEmitter.ts';
import { addRegionExits, type RegionExits } from '../../translator/regionLinks.ts';
import { WasmModule, type FunctionType } from '../../translator/wasmModule.ts';
import { ValueType } from '../../translator/wasmOpcodes.ts';
import { GuestCodeReader, HandlerVariants } from '../../translator/guestCodeReader.ts';
import type { FinderHost } from '../../translator/regionFinder.ts';
import {
  countInstructions,
  planRegions,
  type HotBlock,
  type LiveRegion,
} from '../../translator/regionPlanner.ts';

const { i32, i64 } = ValueType;
const regionType: FunctionType = { parameters: [i32, i64, i32], results: [i32] };
const handlerType: FunctionType = { parameters: [i32], results: [i32] };
/** When translation happens, in numbers that a guest's run alone decides: so runs repeat. */
export interface TranslationPolicy {
  /** Runs of a block by the interpreter before it is translated. */
  readonly after: number;
  /** Instructions between two batches, after the first ones: what gets hot in one stretch is translated together. */
  readonly gather: number;
}

/** Blocks inside a region wait so many times longer before it is made anew with them as entries. */
const innerPatience = 4;
/** Entries of a region after which it is worth making anew with its neighbours; doubled each time. */
const growAfter = 7;
/** Heat of a block that cannot be translated. */
const never = 0xffffffff;
const growthLimit = 8;
/** Two records: the copy, and what comes back. */
const copySize = 2 * RECORD_SIZE;

interface Region extends LiveRegion {
  readonly slot: number;
  /** How often what it consists of was made anew. */
  growth: number;
}

export class Translations {
  readonly #memory: DataView;
  readonly #bytes: Uint8Array;
  readonly #cpu: number;
  readonly #exports: WebAssembly.Exports;
  readonly #table: WebAssembly.Table;
  readonly #wasmMemory: WebAssembly.Memory;
  readonly #host: FinderHost;
  readonly #regions = new Map<number, Region>();
  #epoch: number;
  readonly #policy: TranslationPolicy;
  readonly #countHeat: number;
  readonly #enterRegion: number;
  readonly #handlerDone: number;
  #nextRegion = 1;
  /** Low word of the count of retired instructions at the last batch. */
  #lastBatch = 0;
  #copies = 0;
  readonly #freeSlots: number[] = [];
  readonly #counts = {
    made: 0,
    remade: 0,
    dropped: 0,
    batches: 0,
    instructions: 0,
    bytes: 0,
  };
  readonly #times = { plan: 0, compile: 0 };

  constructor(
    wasmMemory: WebAssembly.Memory,
    exports: WebAssembly.Exports,
    cpu: number,
    policy: TranslationPolicy,
  ) {
    this.#policy = policy;
    this.#wasmMemory = wasmMemory;
    this.#memory = new DataView(wasmMemory.buffer);
    this.#bytes = new Uint8Array(wasmMemory.buffer);
    this.#cpu = cpu;
    this.#exports = exports;
    this.#table = exports.table as WebAssembly.Table;
    const address = (name: string): number => (exports[name] as () => number)() >>> 0;
    const variants = new HandlerVariants(
      this.#memory,
      address('slotsAddress'),
      exports.handlerIndex as (handler: number) => number,
    );
    this.#countHeat = address('countHeatIndex');
    this.#enterRegion = address('enterRegionIndex');
    this.#handlerDone = address('handlerDoneIndex');
    const hooks = [this.#countHeat, this.#enterRegion];
    this.#host = {
      memory: this.#memory,
      cpu,
      reader: new GuestCodeReader(this.#memory, cpu, variants, hooks),
      isEntry: (block) => this.#hookHandler(block) === this.#enterRegion,
      isWarm: (block) => this.#isWarm(block),
      blockAt: (at, key) => (exports.blockAt as (h: number, k: number) => number)(at, key) >>> 0,
    };
    this.#epoch = this.#memory.getUint32(cpu + OFF_ARENA_EPOCH, true);
    this.#memory.setUint32(cpu + OFF_HEAT_LIMIT, policy.after, true);
  }

  #hookHandler(block: number): number {
    return this.#memory.getUint32(block + BLOCK_HEADER + REC_HANDLER, true);
  }

  #aliveByte(region: number): number {
    return this.#cpu + VCPU_REGION_SIZE - REGION_MAX + region;
  }

  #isAlive(region: number): boolean {
    return region !== 0 && this.#bytes[this.#aliveByte(region)] !== 0;
  }

  /** Call between runs of the core. */
  translateHot(): void {
    const m = this.#memory;
    const count = m.getUint32(this.#cpu + OFF_HOT_COUNT, true);
    if (count === 0) return;
    const now = Number(m.getBigUint64(this.#cpu + OFF_INSTRET, true));
    const full = count > HOT_MAX / 2;
    // A reset counts from zero.
    if (now < this.#lastBatch) this.#lastBatch = 0;
    // A boot loader is over soon: at first a batch is made after an eighth of what has run so far.
    const gather = Math.min(this.#policy.gather, now / 8);
    if (!full && now - this.#lastBatch < gather) return;
    this.#lastBatch = now;
    m.setUint32(this.#cpu + OFF_HOT_COUNT, 0, true);
    const droppedBefore = this.#counts.dropped;
    const epoch = m.getUint32(this.#cpu + OFF_ARENA_EPOCH, true);
    if (epoch !== this.#epoch) {
      // All blocks are gone; the list names only new ones.
      this.#epoch = epoch;
      for (const { number, slot } of [...this.#regions.values()]) this.#forget(number, slot);
      this.#copies = 0;
    }
    const started = performance.now();
    this.#collectDead();
    const hot: HotBlock[] = [];
    for (let i = 0; i < Math.min(count, HOT_MAX); i++) {
      const at = this.#cpu + OFF_HOT + 16 * i;
      hot.push({
        block: m.getUint32(at, true),
        from: m.getUint32(at + 4, true),
        rip: m.getBigUint64(at + 8, true),
      });
    }
    for (const { block } of hot) this.#calm(block);
    this.#host.reader.forget();
    this.#translate(hot);
    // Their places in the table may be others' by now.
    if (this.#counts.dropped !== droppedBefore) (this.#exports.forgetJumps as () => void)();
    // Room for the next batch's copies, or all starts anew.
    if (this.#copies > HANDLER_RECORDS_SIZE / 2) (this.#exports.dropAllCode as () => void)();
    this.#times.plan += performance.now() - started;
  }

  /** Says when a hot block is to be noted again, should it not become part of a new region now. */
  #calm(block: number): void {
    const region = this.#regionOf(block);
    if (region === undefined) this.#setHeat(block, never);
    else if (!this.#host.isEntry(block)) this.#setHeat(block, innerPatience * this.#policy.after);
    else {
      region.growth = Math.min(region.growth + 1, growthLimit);
      this.#setLife(region.number, this.#entryHeat(region.growth));
    }
  }

  #setHeat(block: number, heat: number): void {
    if (this.#memory.getUint16(block + BLOCK_BYTES, true) !== 0)
      this.#memory.setUint32(block + BLOCK_HEADER + HOOK_HEAT, heat, true);
  }

  /** Entries of the region until it is noted to be made anew. */
  #setLife(region: number, entries: number): void {
    this.#memory.setInt32(this.#cpu + OFF_REGION_LIFE + 4 * region, entries, true);
  }

  #entryHeat(growth: number): number {
    return growAfter * this.#policy.after * 2 ** growth;
  }

  /** Ran at least a sixteenth as often as a hot block, or was translated before. */
  #isWarm(block: number): boolean {
    const { after } = this.#policy;
    const left = this.#memory.getUint32(block + BLOCK_HEADER + HOOK_HEAT, true);
    return left > after || after - left >= after >> 4;
  }

  #regionOf(block: number): Region | undefined {
    const number = this.#memory.getUint16(block + BLOCK_REGION, true);
    return this.#isAlive(number) ? this.#regions.get(number) : undefined;
  }

  #translate(hot: readonly HotBlock[]): void {
    const m = this.#memory;
    const module = new WasmModule(65536);
    const live = (number: number): Region | undefined =>
      this.#isAlive(number) ? this.#regions.get(number) : undefined;
    const plans = planRegions(this.#host, hot, live);
    const imports = new Map(
      Object.entries(coreTypes).map(([name, type]) => [
        name,
        module.importFunction('core', name, type),
      ]),
    );
    for (const name of helpersOf(plans.map(({ source }) => source)))
      if (!imports.has(name))
        imports.set(name, module.importFunction('core', name, helperType(name)));
    const host = {
      cpu: this.#cpu,
      core: (name: string): number => {
        const index = imports.get(name);
        if (index === undefined) throw new Error(`the core gives translated code no '${name}'`);
        return index;
      },
      handlerType: module.type(handlerType),
    };
    const type = module.type(regionType);
    const exits = new Map<boolean, RegionExits>();
    const exitsOf = (is64: boolean): RegionExits => {
      const added = exits.get(is64) ?? addRegionExits(module, this.#cpu, is64, type);
      exits.set(is64, added);
      return added;
    };
    let made = 0;
    for (const plan of plans) {
      const growth = Math.max(0, ...plan.replaces.map((old) => this.#regions.get(old)!.growth));
      for (const old of plan.replaces) this.#drop(old);
      const number = this.#newRegion();
      if (number === 0) break;
      const { source } = plan;
      const instructions = countInstructions(source.blocks);
      const copies = new Map<number, number>();
      const { code, locals, hints, entries } = emitRegion(source, {
        ...host,
        exits: exitsOf(source.is64),
        region: number,
        alive: this.#aliveByte(number),
        copyOfRecord: (record, handler) => {
          const copy = copies.get(record) ?? this.#copyRecord(record, handler);
          copies.set(record, copy);
          return copy;
        },
      });
      const slot = this.#newSlot();
      module.addFunction({ type, locals, code, hints, slot });
      made++;
      this.#regions.set(number, {
        number,
        slot,
        growth,
        base: plan.base,
        heads: plan.heads,
        jumps: plan.jumps,
        offsets: new Map(source.blocks.map((one) => [one.address, one.offset])),
        instructions,
      });
      this.#bytes[this.#aliveByte(number)] = 1;
      this.#setLife(number, this.#entryHeat(growth));
      for (const one of source.blocks) {
        m.setUint16(one.address + BLOCK_REGION, number, true);
        this.#setHeat(one.address, innerPatience * this.#policy.after);
      }
      entries.forEach((index, entry) => {
        const { address, offset } = source.blocks[index]!;
        const hook = address + BLOCK_HEADER;
        m.setUint32(hook + HOOK_FUNCTION, slot, true);
        m.setUint32(hook + HOOK_ENTRY, entry, true);
        m.setInt32(hook + HOOK_OFFSET, offset, true);
        m.setUint32(hook + REC_HANDLER, this.#enterRegion, true);
      });
      this.#counts.made++;
      if (plan.replaces.length > 0) this.#counts.remade++;
      this.#counts.instructions += instructions;
      this.#counts.bytes += code.length;
    }
    if (made === 0) return;
    const started = performance.now();
    new WebAssembly.Instance(new WebAssembly.Module(module.finish()), {
      env: { memory: this.#wasmMemory, table: this.#table },
      core: this.#exports,
    });
    this.#times.compile += performance.now() - started;
    this.#counts.batches++;
  }

  #newSlot(): number {
    return this.#freeSlots.pop() ?? this.#table.grow(1);
  }

  #newRegion(): number {
    for (let tries = 1; tries < REGION_MAX; tries++) {
      const region = this.#nextRegion;
      this.#nextRegion = region + 1 === REGION_MAX ? 1 : region + 1;
      if (!this.#regions.has(region)) return region;
    }
    return 0;
  }

  #collectDead(): void {
    for (const region of [...this.#regions.keys()]) if (!this.#isAlive(region)) this.#drop(region);
  }

  /** Its blocks are interpreted again, and may become part of another region. */
  #drop(number: number): void {
    const { slot, offsets } = this.#regions.get(number)!;
    const m = this.#memory;
    for (const block of offsets.keys()) {
      if (m.getUint16(block + BLOCK_BYTES, true) === 0) continue;
      if (m.getUint16(block + BLOCK_REGION, true) !== number) continue;
      m.setUint16(block + BLOCK_REGION, 0, true);
      this.#setHeat(block, this.#policy.after);
      if (this.#host.isEntry(block))
        m.setUint32(block + BLOCK_HEADER + REC_HANDLER, this.#countHeat, true);
    }
    this.#forget(number, slot);
  }

  #forget(number: number, slot: number): void {
    this.#bytes[this.#aliveByte(number)] = 0;
    this.#setLife(number, 0);
    this.#table.set(slot, null);
    this.#freeSlots.push(slot);
    this.#regions.delete(number);
    this.#counts.dropped++;
  }

  /** The copy's place; the copies of dropped regions are not used again before all code is dropped. */
  #copyRecord(record: number, handler: number): number {
    const at = this.#cpu + VCPU_REGION_SIZE - REGION_MAX - HANDLER_RECORDS_SIZE + this.#copies;
    this.#copies += copySize;
    this.#bytes.copyWithin(at, record, record + RECORD_SIZE);
    this.#memory.setUint32(at + REC_HANDLER, handler, true);
    this.#memory.setUint32(at + RECORD_SIZE + REC_HANDLER, this.#handlerDone, true);
    return at;
  }

  /** Times in ms, the rest are counts since creation, but for `regionsLive`. */
  counters(): Record<string, number> {
    const u32 = (offset: number): number => this.#memory.getUint32(this.#cpu + offset, true);
    const { made, remade, dropped, batches, instructions, bytes } = this.#counts;
    return {
      regionsLive: this.#regions.size,
      regionsMade: made,
      regionsRemade: remade,
      regionsDropped: dropped,
      translationBatches: batches,
      translatedInstructions: instructions,
      translatedBytes: bytes,
      translationMs: Math.round(this.#times.plan),
      compilationMs: Math.round(this.#times.compile),
      regionRuns: u32(OFF_COUNT_REGION_RUNS),
      regionInstructions: this.instructionsRetired(),
      exitsByFault: u32(OFF_COUNT_EXIT_FAULT),
      exitsToInterpreter: u32(OFF_COUNT_EXIT_INTERPRET),
      exitsByEvent: u32(OFF_COUNT_EXIT_EVENT),
      exitsByBudget: u32(OFF_COUNT_EXIT_BUDGET),
      exitsByIndirectJump: u32(OFF_COUNT_EXIT_INDIRECT),
      exitsByDirectJump: u32(OFF_COUNT_EXIT_DIRECT),
      entriesInvalidated: u32(OFF_COUNT_INVALIDATED),
    };
  }

  /** Instructions retired in translated code. */
  instructionsRetired(): number {
    return Number(this.#memory.getBigUint64(this.#cpu + OFF_COUNT_REGION_RETIRED, true));
  }
}
