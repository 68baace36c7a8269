/**
 * Turns a control-flow graph into nested wasm blocks and loops: N. Ramsey, "Beyond Relooper" (ICFP 2022),
 * along the dominator tree. Graphs with several entries, or with loops that can be entered in the middle, get a dispatcher: a
 * node in front of all that jumps by number (br_table); an edge into the middle of a loop goes through it, and so do nodes
 * that compute where they go (slots).
 */

export interface FlowGraph {
  /** Nodes that can be reached from each node, by number; at most 2 in practice, in any order. */
  readonly successors: readonly (readonly number[])[];
  /** Nodes at which execution may start, in the order of their entry numbers. */
  readonly entries: readonly number[];
  /** Nodes that the dispatcher leads to by the numbers behind those of the entries; one may have several. */
  readonly slots: readonly number[];
  /** Nodes that go on in one of the slots, by `goToSlot`. */
  readonly choosing: ReadonlySet<number>;
}

/** What the structure asks of the code generator. */
export interface StructureTarget {
  /** Opens a wasm block or loop; both are void. */
  open(kind: 'block' | 'loop'): void;
  close(): void;
  /** Branches to the frame `depth` levels out, counting only the frames that `open` made and those that the generator reports by `enter`/`leave`. */
  branch(depth: number): void;
  /** Branch by the number in the dispatch variable: depth of each entry, then of each slot. */
  dispatch(depths: readonly number[]): void;
  /** In front of a loop, behind all ways into it from outside. */
  preheader(header: number): void;
  /** Stores an entry number for the dispatcher. */
  setDispatch(entry: number): void;
  /** Emits the code of a node. It ends with `structure.go(...)` on every path, or leaves the region. */
  node(node: number): void;
}

const dispatcher = -1;

interface Frame {
  readonly kind: 'block' | 'loop' | 'other';
  /** Block: the node that follows it. Loop: its header. */
  readonly node: number;
}

/** Immediate dominators by Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm". */
function dominators(
  order: readonly number[],
  predecessors: readonly (readonly number[])[],
): Int32Array {
  const position = new Int32Array(predecessors.length).fill(-1);
  order.forEach((node, i) => (position[node] = i));
  const idom = new Int32Array(predecessors.length).fill(-1);
  const root = order[0]!;
  idom[root] = root;
  for (let changed = true; changed;) {
    changed = false;
    for (const node of order) {
      if (node === root) continue;
      let best = -1;
      for (const p of predecessors[node]!) {
        if (idom[p] === -1) continue;
        if (best === -1) {
          best = p;
          continue;
        }
        let a = p;
        let b = best;
        while (a !== b) {
          while (position[a]! > position[b]!) a = idom[a]!;
          while (position[b]! > position[a]!) b = idom[b]!;
        }
        best = a;
      }
      if (idom[node] !== best) {
        idom[node] = best;
        changed = true;
      }
    }
  }
  return idom;
}

/** The structure of one region. Node numbers are the graph's; the dispatcher is not one of them. */
export class Structure {
  /** Entries after irreducible loops have got theirs: index = number to pass to the function. */
  readonly entries: number[];
  readonly #target: StructureTarget;
  readonly #slots: readonly number[];
  readonly #frames: Frame[] = [];
  readonly #root: number;
  /** Reverse postorder position; the root's is 0. Indexed by node, the dispatcher last. */
  #position: Int32Array;
  #children: number[][];
  #isMerge: boolean[];
  #isHeader: boolean[];
  /** Nodes that are reached from inside their loop only through the dispatcher. */
  readonly #dispatched = new Set<number>();
  readonly #edgeDispatched: (from: number, to: number) => boolean;

  constructor(graph: FlowGraph, target: StructureTarget) {
    this.#target = target;
    const count = graph.successors.length;
    this.entries = [...graph.entries];
    this.#slots = graph.slots;
    const irreducible = new Set<number>();
    const key = (from: number, to: number): number => from * (count + 1) + to;
    this.#edgeDispatched = (from, to) => irreducible.size > 0 && irreducible.has(key(from, to));

    for (;;) {
      const useDispatcher =
        this.entries.length > 1 || irreducible.size > 0 || graph.slots.length > 0;
      const root = useDispatcher ? count : this.entries[0]!;
      const dispatched = [...new Set([...this.entries, ...graph.slots])];
      const successors = (node: number): readonly number[] => {
        if (node === count) return dispatched;
        const list = graph.successors[node]!;
        const direct = list.map((to) => (this.#edgeDispatched(node, to) ? count : to));
        return graph.choosing.has(node) ? [...direct, count] : direct;
      };
      const order = reversePostorder(root, count + 1, successors);
      const position = new Int32Array(count + 1).fill(-1);
      order.forEach((node, i) => (position[node] = i));
      const predecessors: number[][] = Array.from({ length: count + 1 }, () => []);
      for (const node of order) for (const to of successors(node)) predecessors[to]!.push(node);
      const idom = dominators(order, predecessors);
      const dominates = (a: number, b: number): boolean => {
        let at = b;
        while (position[at]! > position[a]!) at = idom[at]!;
        return at === a;
      };
      let changed = false;
      for (const node of order)
        for (const to of successors(node))
          if (position[to]! <= position[node]! && !dominates(to, node)) {
            irreducible.add(key(node, to));
            if (!this.entries.includes(to)) this.entries.push(to);
            this.#dispatched.add(to);
            changed = true;
          }
      if (changed) continue;

      this.#root = root === count ? dispatcher : root;
      this.#position = position;
      this.#children = Array.from({ length: count + 1 }, () => []);
      this.#isMerge = new Array<boolean>(count + 1).fill(false);
      this.#isHeader = new Array<boolean>(count + 1).fill(false);
      for (const node of order) {
        let forward = 0;
        for (const from of predecessors[node]!)
          if (position[from]! >= position[node]!) this.#isHeader[node] = true;
          else forward++;
        // br_table needs a label for each entry.
        this.#isMerge[node] = forward > 1 || (useDispatcher && dispatched.includes(node));
        if (node !== root) this.#children[idom[node]!]!.push(node);
      }
      break;
    }
  }

  get usesDispatcher(): boolean {
    return this.#root === dispatcher;
  }

  isLoopHeader(node: number): boolean {
    return this.#isHeader[node]!;
  }

  /** Whether several ways lead to a node, not counting those that jump back. */
  isMerge(node: number): boolean {
    return this.#isMerge[node]!;
  }

  /** Whether the way from one node to the other leads through the dispatcher. */
  isDispatched(from: number, to: number): boolean {
    return this.#edgeDispatched(from, to);
  }

  /** Whether going from one node to the other jumps back: where interrupts and the budget are looked at. */
  isBackEdge(from: number, to: number): boolean {
    return this.#edgeDispatched(from, to) || this.#position[to]! <= this.#position[from]!;
  }

  emit(): void {
    this.#tree(this.#root === dispatcher ? this.#position.length - 1 : this.#root);
  }

  /** Frames open now: the depth of whatever the generator put around the structure. */
  get depth(): number {
    return this.#frames.length;
  }

  /** The generator opened or closed a frame (an `if`) of its own. */
  enter(): void {
    this.#frames.push({ kind: 'other', node: -1 });
  }
  leave(): void {
    this.#frames.pop();
  }

  /** Emits the transfer of control; the code after it is unreachable or the successor itself. */
  go(from: number, to: number): void {
    if (this.#edgeDispatched(from, to)) {
      this.#target.setDispatch(this.entries.indexOf(to));
      this.#target.branch(this.#depth('loop', this.#position.length - 1));
    } else if (this.#position[to]! <= this.#position[from]!) {
      this.#target.branch(this.#depth('loop', to));
    } else if (this.#isMerge[to]) {
      this.#target.branch(this.#depth('block', to));
    } else {
      this.#tree(to);
    }
  }

  /** To the slot, counted from the entries, whose number is in the dispatch variable. */
  goToSlot(): void {
    this.#target.branch(this.#depth('loop', this.#position.length - 1));
  }

  #depth(kind: Frame['kind'], node: number): number {
    for (let i = this.#frames.length - 1; i >= 0; i--) {
      const frame = this.#frames[i]!;
      if (frame.kind === kind && frame.node === node) return this.#frames.length - 1 - i;
    }
    throw new Error(`no ${kind} frame for node ${node}`);
  }

  #tree(node: number): void {
    const children = this.#children[node]!;
    const merges = children.filter((child) => this.#isMerge[child]);
    merges.sort((a, b) => this.#position[b]! - this.#position[a]!);
    if (this.#isHeader[node]) {
      if (node !== this.#position.length - 1) this.#target.preheader(node);
      this.#open('loop', node);
    }
    this.#within(node, merges);
    if (this.#isHeader[node]) this.#close();
  }

  /** The node's own code inside a block for each merge node that follows it, the last one outermost. */
  #within(node: number, merges: readonly number[]): void {
    const [outermost, ...rest] = merges;
    if (outermost === undefined) {
      if (node === this.#position.length - 1)
        this.#target.dispatch(
          [...this.entries, ...this.#slots].map((to) => this.#depth('block', to)),
        );
      else this.#target.node(node);
      return;
    }
    this.#open('block', outermost);
    this.#within(node, rest);
    this.#close();
    this.#tree(outermost);
  }

  #open(kind: 'block' | 'loop', node: number): void {
    this.#target.open(kind);
    this.#frames.push({ kind, node });
  }
  #close(): void {
    this.#frames.pop();
    this.#target.close();
  }
}

function reversePostorder(
  root: number,
  count: number,
  successors: (node: number) => readonly number[],
): number[] {
  const seen = new Uint8Array(count);
  const postorder: number[] = [];
  const stack: [node: number, next: number][] = [[root, 0]];
  seen[root] = 1;
  while (stack.length > 0) {
    const top = stack[stack.length - 1]!;
    const to = successors(top[0])[top[1]++];
    if (to === undefined) {
      postorder.push(top[0]);
      stack.pop();
    } else if (!seen[to]) {
      seen[to] = 1;
      stack.push([to, 0]);
    }
  }
  return postorder.reverse();
}
