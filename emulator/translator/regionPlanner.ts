/**
 * Decides what a batch translates: new regions around hot blocks, and old ones made anew, with what surrounds them,
 * because they were entered often.
 */
import { BLOCK_BYTES, BLOCK_REGION } from '../cpu/layout.ts';
import type { GuestBlock, RegionSource } from './guestCode.ts';
import {
  blockLimit,
  findRegion,
  instructionLimit,
  type FinderHost,
  type IndirectTargets,
  type RegionEntry,
} from './regionFinder.ts';

export interface HotBlock {
  readonly block: number;
  /** Block whose indirect jump led there, or 0. */
  readonly from: number;
  readonly rip: bigint;
}

/** A region as it was translated. */
export interface LiveRegion {
  readonly number: number;
  /** RIP that offsets are relative to, as it was then. */
  readonly base: bigint;
  readonly heads: readonly RegionEntry[];
  readonly jumps: IndirectTargets;
  /** Offsets of all its blocks, by address. */
  readonly offsets: ReadonlyMap<number, number>;
  readonly instructions: number;
}

export interface Plan {
  readonly base: bigint;
  readonly heads: readonly RegionEntry[];
  readonly jumps: IndirectTargets;
  readonly source: RegionSource;
  /** Numbers of the regions that it takes the place of. */
  readonly replaces: readonly number[];
}

class Group {
  readonly base: bigint;
  heads: RegionEntry[] = [];
  readonly jumps = new Map<number, RegionEntry[]>();
  readonly replaces: number[] = [];
  source: RegionSource | undefined;
  offsets: ReadonlyMap<number, number> = new Map();
  instructions = 0;
  /** More than the region that it began with. */
  changed: boolean;

  constructor(base: bigint, changed: boolean) {
    this.base = base;
    this.changed = changed;
  }

  distance(rip: bigint): number {
    return Number(BigInt.asIntN(32, rip - this.base));
  }

  addHead(address: number, offset: number): void {
    if (this.heads.some((head) => head.address === address)) return;
    this.heads.push({ address, offset });
    this.changed = true;
  }

  addJump(from: number, to: RegionEntry): void {
    const list = this.jumps.get(from) ?? [];
    if (list.length >= jumpLimit || list.some((known) => known.address === to.address)) return;
    this.jumps.set(from, [...list, to]);
    this.changed = true;
  }

  /** Takes over what another group or region consists of. */
  absorb(other: { base: bigint; heads: readonly RegionEntry[]; jumps: IndirectTargets }): void {
    const shift = this.distance(other.base);
    for (const { address, offset } of other.heads) this.addHead(address, offset + shift);
    for (const [from, list] of other.jumps)
      for (const { address, offset } of list)
        this.addJump(from, { address, offset: offset + shift });
  }
}

/** Targets of one indirect jump that a region knows. */
const jumpLimit = 32;
/** What of a region's size counts when it is merged: one that is too large would lose blocks. */
interface Size {
  readonly offsets: ReadonlyMap<number, number>;
  readonly instructions: number;
}
const fitTogether = (a: Size, b: Size): boolean =>
  a.offsets.size + b.offsets.size <= blockLimit &&
  a.instructions + b.instructions <= instructionLimit;

export const countInstructions = (blocks: readonly GuestBlock[]): number =>
  blocks.reduce((sum, { instructions }) => sum + instructions.length, 0);

export function planRegions(
  host: FinderHost,
  hot: readonly HotBlock[],
  liveRegion: (number: number) => LiveRegion | undefined,
): Plan[] {
  const { memory } = host;
  const groups = new Set<Group>();
  const owner = new Map<number, Group>();
  const live = (block: number): LiveRegion | undefined =>
    liveRegion(memory.getUint16(block + BLOCK_REGION, true));

  /** What it jumps to and what jumps to it should run without leaving in between. */
  const explore = (group: Group): void => {
    const neighbours = new Set<number>();
    exploreOnce(group, neighbours);
    for (const address of neighbours) {
      if (owner.get(address) === group) continue;
      const neighbour = owner.get(address) ?? live(address);
      if (neighbour && !fitTogether(group, neighbour)) continue;
      // To make a live region anew only pays where one was left often.
      if (group.replaces.length === 0 && !owner.has(address)) continue;
      const other = groupOf(address);
      if (other === undefined || other === group) continue;
      merge(group, other);
      exploreOnce(group, neighbours);
    }
  };
  const merge = (group: Group, other: Group): void => {
    group.absorb(other);
    group.replaces.push(...other.replaces);
    group.changed = true;
    groups.delete(other);
    for (const address of other.offsets.keys()) owner.delete(address);
  };
  const exploreOnce = (group: Group, neighbours: Set<number>): void => {
    const before = group.offsets.size;
    for (const address of group.offsets.keys())
      if (owner.get(address) === group) owner.delete(address);
    group.source = findRegion(
      host,
      group.heads,
      group.base,
      group.jumps,
      (address) => {
        const other = owner.get(address);
        if (other !== undefined) return other === group;
        const number = memory.getUint16(address + BLOCK_REGION, true);
        return liveRegion(number) === undefined || group.replaces.includes(number);
      },
      neighbours,
    );
    const blocks = group.source?.blocks ?? [];
    if (blocks.length > before) group.changed = true;
    group.offsets = new Map(blocks.map((block) => [block.address, block.offset]));
    group.instructions = countInstructions(blocks);
    for (const { address } of blocks) owner.set(address, group);
  };
  const begin = (base: bigint, changed: boolean): Group => {
    const group = new Group(base, changed);
    groups.add(group);
    return group;
  };
  const fromLive = (region: LiveRegion): Group => {
    const group = begin(region.base, false);
    group.absorb(region);
    group.changed = false;
    group.replaces.push(region.number);
    group.offsets = region.offsets;
    group.instructions = region.instructions;
    for (const address of region.offsets.keys()) owner.set(address, group);
    return group;
  };
  /** The group that already takes the place of a region, though it may have lost some of its blocks. */
  const replacing = (number: number): Group | undefined =>
    [...groups].find((group) => group.replaces.includes(number));
  const groupOf = (block: number): Group | undefined => {
    if (block === 0) return undefined;
    const planned = owner.get(block);
    if (planned) return planned;
    const region = live(block);
    return region && (replacing(region.number) ?? fromLive(region));
  };
  /** Makes an indirect jump that was seen a way inside one region. */
  const follow = (source: Group, { block, from, rip }: HotBlock): void => {
    const target = groupOf(block);
    if (target && target !== source) {
      if (!fitTogether(source, target)) return;
      merge(source, target);
    }
    source.addJump(from, { address: block, offset: source.distance(rip) });
    explore(source);
  };

  for (const one of hot) {
    const { block, from, rip } = one;
    if (memory.getUint16(block + BLOCK_BYTES, true) === 0) continue;
    const region = live(block);
    if (region !== undefined && host.isEntry(block)) {
      // Entered often: it should have had more around it.
      const source = groupOf(from);
      if (source) follow(source, one);
      const group = groupOf(block);
      if (group && group !== source) explore(group);
      continue;
    }
    const source = owner.get(from);
    if (source) {
      follow(source, one);
      if (owner.has(block)) continue;
    }
    if (owner.has(block)) continue;
    if (region !== undefined) {
      const group = replacing(region.number) ?? fromLive(region);
      group.addHead(block, region.offsets.get(block)! + group.distance(region.base));
      explore(group);
      continue;
    }
    const group = begin(rip, true);
    group.addHead(block, 0);
    explore(group);
  }
  return [...groups].flatMap((group) =>
    group.source === undefined || !group.changed
      ? []
      : [{ ...group, source: group.source } as Plan],
  );
}
