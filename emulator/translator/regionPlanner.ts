/**
 * Decides what a batch translates: new regions around hot blocks, and old ones made anew because they were entered in the
 * middle or because an indirect jump of theirs was seen to go to a place outside.
 */
import { BLOCK_BYTES, BLOCK_REGION } from '../cpu/layout.ts';
import type { RegionSource } from './guestCode.ts';
import {
  findRegion,
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

  constructor(base: bigint) {
    this.base = base;
  }

  distance(rip: bigint): number {
    return Number(BigInt.asIntN(32, rip - this.base));
  }

  addHead(address: number, offset: number): void {
    if (!this.heads.some((head) => head.address === address)) this.heads.push({ address, offset });
  }

  addJump(from: number, to: RegionEntry): boolean {
    const list = this.jumps.get(from) ?? [];
    if (list.length >= jumpLimit || list.some((known) => known.address === to.address))
      return false;
    this.jumps.set(from, [...list, to]);
    return true;
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
/** Regions are merged up to so many blocks; with one that is translated already up to fewer. */
const mergeLimit = 64;
const liveMergeLimit = 32;

export function planRegions(
  host: FinderHost,
  hot: readonly HotBlock[],
  liveRegion: (number: number) => LiveRegion | undefined,
): Plan[] {
  const { memory } = host;
  const groups = new Set<Group>();
  const owner = new Map<number, Group>();

  const explore = (group: Group): void => {
    const neighbours = new Set<number>();
    exploreOnce(group, neighbours);
    // What it jumps to and what jumps to it should run without leaving in between.
    for (const address of neighbours) {
      if (owner.get(address) === group) continue;
      const live = liveRegion(memory.getUint16(address + BLOCK_REGION, true));
      const size = owner.get(address)?.offsets.size ?? live?.offsets.size ?? 0;
      const limit = owner.has(address) ? mergeLimit : liveMergeLimit;
      if (group.offsets.size + size > limit) continue;
      const other = groupOf(address);
      if (other === undefined || other === group) continue;
      merge(group, other);
      exploreOnce(group, neighbours);
    }
  };
  const merge = (group: Group, other: Group): void => {
    group.absorb(other);
    group.replaces.push(...other.replaces);
    groups.delete(other);
    for (const address of other.offsets.keys()) owner.delete(address);
  };
  const exploreOnce = (group: Group, neighbours: Set<number>): void => {
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
    group.offsets = new Map(blocks.map((block) => [block.address, block.offset]));
    for (const { address } of blocks) owner.set(address, group);
  };
  const begin = (base: bigint): Group => {
    const group = new Group(base);
    groups.add(group);
    return group;
  };
  const fromLive = (live: LiveRegion): Group => {
    const group = begin(live.base);
    group.absorb(live);
    group.replaces.push(live.number);
    group.offsets = live.offsets;
    for (const address of live.offsets.keys()) owner.set(address, group);
    return group;
  };
  /** The group that already takes the place of a region, though it may have lost some of its blocks. */
  const replacing = (number: number): Group | undefined =>
    [...groups].find((group) => group.replaces.includes(number));
  const groupOf = (block: number): Group | undefined => {
    if (block === 0) return undefined;
    const planned = owner.get(block);
    if (planned) return planned;
    const live = liveRegion(memory.getUint16(block + BLOCK_REGION, true));
    return live && (replacing(live.number) ?? fromLive(live));
  };

  const seen = new Set<string>();
  for (const { block, from, rip } of hot) {
    const key = `${block} ${from}`;
    if (seen.has(key) || memory.getUint16(block + BLOCK_BYTES, true) === 0) continue;
    seen.add(key);
    const source = groupOf(from);
    if (source) {
      const target = groupOf(block);
      if (target && target !== source) {
        if (source.offsets.size + target.offsets.size > mergeLimit) continue;
        merge(source, target);
      }
      if (source.addJump(from, { address: block, offset: source.distance(rip) })) explore(source);
      continue;
    }
    if (owner.has(block)) continue;
    const live = liveRegion(memory.getUint16(block + BLOCK_REGION, true));
    if (live) {
      if (host.isEntry(block)) continue;
      const group = replacing(live.number) ?? fromLive(live);
      group.addHead(block, live.offsets.get(block) ?? 0);
      explore(group);
      continue;
    }
    const group = begin(rip);
    group.addHead(block, 0);
    explore(group);
  }
  return [...groups].flatMap((group) =>
    group.source === undefined ? [] : [{ ...group, source: group.source } as Plan],
  );
}
