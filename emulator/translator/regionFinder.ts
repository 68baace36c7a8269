/** Which blocks are translated together: those that run has reached from a hot one, near first. */
import { BLOCK_KEY, MODE_CODE64, MODE_CODE_MASK, OFF_TLB_EXECUTE } from '../cpu/layout.ts';
import type { GuestBlock, RegionSource } from './guestCode.ts';
import type { GuestCodeReader } from './guestCodeReader.ts';

/** Blocks and instructions of a region. */
export const blockLimit = 128;
export const instructionLimit = 800;
/** Of blocks from the region's base: where they end, too, has 32 bits. */
const offsetLimit = 0x7fff0000;

export interface FinderHost {
  readonly memory: DataView;
  readonly cpu: number;
  readonly reader: GuestCodeReader;
  /** Translated code may be entered at the block. */
  isEntry(block: number): boolean;
  /** Whether the block ran often enough to be worth translation beside a hot one. */
  isWarm(block: number): boolean;
  /** The decoded block at a wasm address, or 0. */
  blockAt(host: number, key: number): number;
}

interface Found {
  readonly block: GuestBlock;
  taken: number | undefined;
  next: number | undefined;
  /** Ends in CALL: `next` is reached by a return only. */
  readonly calls: boolean;
  readonly returns: boolean;
  /** Seen targets of its indirect jump. */
  readonly targets: number[];
}

/** A place where a region is entered: a decoded block, and its RIP relative to the region's base. */
export interface RegionEntry {
  readonly address: number;
  readonly offset: number;
}

/** Where the indirect jumps of blocks were seen to go, by block address. */
export type IndirectTargets = ReadonlyMap<number, readonly RegionEntry[]>;

/** The region around some blocks; `rip` is where its base runs now. Undefined if nothing there can be translated. */
export function findRegion(
  host: FinderHost,
  heads: readonly RegionEntry[],
  rip: bigint,
  jumps: IndirectTargets,
  mayHave: (address: number) => boolean,
  /** Takes the blocks of others that jumps lead to. */
  neighbours?: Set<number>,
): RegionSource | undefined {
  const { memory, cpu, reader } = host;
  const key = memory.getUint32(heads[0]!.address + BLOCK_KEY, true);
  const is64 = (key & MODE_CODE_MASK) === MODE_CODE64;
  const found: Found[] = [];
  const numbers = new Map<number, number>();
  let instructions = 0;

  const add = (at: number, offset: number): number | undefined => {
    const known = numbers.get(at);
    // The same code may be mapped twice; in a region it has one place.
    if (known !== undefined) return found[known]!.block.offset === offset ? known : undefined;
    if (found.length >= blockLimit || instructions >= instructionLimit) return undefined;
    // Offsets have 32 bits; code of a program and of its libraries may lie farther apart.
    if (Math.abs(offset) > offsetLimit) return undefined;
    // A block belongs to one region.
    if (!mayHave(at)) {
      neighbours?.add(at);
      return undefined;
    }
    const block = reader.block(at, offset);
    if (block === undefined) return undefined;
    const last = block.instructions.at(-1)!;
    const { control } = last.effects;
    if (control === 'jump' || control === 'branch') {
      const target = offset + Number(BigInt.asIntN(32, last.immediate));
      if ((target | 0) !== target) return undefined;
    }
    instructions += block.instructions.length;
    found.push({
      block,
      taken: undefined,
      next: undefined,
      targets: [],
      calls: last.effects.pushesReturn,
      returns: last.effects.control === 'indirect' && last.variant.instruction.name === 'RET',
    });
    numbers.set(at, found.length - 1);
    return found.length - 1;
  };

  /** Wasm address of the code at an offset from `from`'s start, or 0 if its page is not known. */
  const hostOf = (from: GuestBlock, distance: number): number => {
    const inPage = (from.host & 0xfff) + distance;
    if (inPage >= 0 && inPage < 0x1000) return from.host + distance;
    const linear = BigInt.asUintN(is64 ? 64 : 32, rip + BigInt(from.offset + distance));
    const entry = cpu + OFF_TLB_EXECUTE + (Number((linear >> 8n) & 0xfff0n) >>> 0);
    const tag = memory.getBigUint64(entry, true);
    if (tag >> 12n !== linear >> 12n || tag === 0n) return 0;
    return (Number(linear & 0xffffffffn) + memory.getUint32(entry + 8, true)) >>> 0;
  };
  const successor = (from: GuestBlock, distance: number): number | undefined => {
    const at = hostOf(from, distance);
    const block = at === 0 ? 0 : host.blockAt(at, key);
    return block === 0 || !host.isWarm(block) ? undefined : add(block, from.offset + distance);
  };

  const entries: number[] = [];
  for (const { address, offset } of heads) {
    const number = add(address, offset);
    if (number !== undefined && !entries.includes(number)) entries.push(number);
  }
  if (entries.length === 0) return undefined;
  for (let i = 0; i < found.length; i++) {
    const one = found[i]!;
    const last = one.block.instructions.at(-1)!;
    const { control, leaves } = last.effects;
    if (control === 'jump' || control === 'branch')
      one.taken = successor(one.block, Number(BigInt.asIntN(32, last.immediate)));
    for (const { address, offset } of jumps.get(one.block.address) ?? []) {
      const to = add(address, offset);
      if (to !== undefined) one.targets.push(to);
    }
    if (leaves) continue;
    if (control === 'next' || control === 'branch' || one.calls)
      one.next = successor(one.block, last.next);
  }

  // A call's continuation is reached from its RETs in here, or from outside: what is no entry would be interpreted until the region is made anew.
  const returnsTo = [
    ...new Set(
      found.flatMap((one) => [
        ...(one.calls && one.next !== undefined ? [one.next] : []),
        ...(one.returns ? one.targets : []),
      ]),
    ),
  ];
  const taken = found.map((one) => one.taken);
  const next = found.map((one) => (one.calls ? undefined : one.next));
  const indirect = found.map((one) => (one.returns ? returnsTo : one.targets));
  for (const one of returnsTo) if (!entries.includes(one)) entries.push(one);
  return { blocks: found.map((one) => one.block), taken, next, indirect, returnsTo, entries, is64 };
}
