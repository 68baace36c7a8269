/** Code with a fast way that may find itself not to do, and then goes the slow way. */
import type { RegionFrame } from './regionFrame.ts';
import { Op, blockVoid } from './wasmOpcodes.ts';

/**
 * `fast` emits the fast way; the function it is given leaves it for the slow one if the i32 on the stack is not 0. Both
 * ways go on behind.
 */
export function guarded(
  f: RegionFrame,
  fast: (slowIf: () => void) => void,
  slow: () => void,
): void {
  const { b } = f;
  const open = (): void => {
    b.code.bytes([Op.block, blockVoid]);
    f.enter();
  };
  const close = (): void => {
    f.leave();
    b.op(Op.end);
  };
  open();
  open();
  const { state } = f;
  const { loaded } = state;
  state.arms++;
  const outside = f.depth();
  fast(() => {
    b.hinted(Op.brIf, false);
    b.code.u32(f.depth() - outside);
  });
  b.code.bytes([Op.br, 1]);
  close();
  state.loaded = loaded;
  slow();
  state.loaded = loaded;
  state.arms--;
  close();
}
