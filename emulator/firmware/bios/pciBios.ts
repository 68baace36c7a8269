/** INT 1Ah AH=B1h, PCI BIOS Specification 2.1 §4: real-mode calls. */
import type { BiosContext } from './biosContext.ts';
import type { CallFrame } from './callFrame.ts';

const SUCCESSFUL = 0x00;
const FUNC_NOT_SUPPORTED = 0x81;
const BAD_VENDOR_ID = 0x83;
const DEVICE_NOT_FOUND = 0x86;
const BAD_REGISTER_NUMBER = 0x87;

/** Reads configuration space of bus/device/function `bdf` (bus in the high byte). */
export function readPciConfig(
  context: BiosContext,
  bdf: number,
  register: number,
  width: 1 | 2 | 4,
) {
  const { ports } = context.parts;
  ports.write(0xcf8, 4, (0x80000000 + bdf * 256 + (register & 0xfc)) >>> 0);
  return ports.read(0xcfc + (register & 3), width);
}

function writePciConfig(
  context: BiosContext,
  bdf: number,
  register: number,
  width: 1 | 2 | 4,
  value: number,
): void {
  const { ports } = context.parts;
  ports.write(0xcf8, 4, (0x80000000 + bdf * 256 + (register & 0xfc)) >>> 0);
  ports.write(0xcfc + (register & 3), width, value);
}

/** Functions on bus 0 for which `matches` holds, in order. */
export function* pciFunctions(context: BiosContext): Generator<number> {
  for (let device = 0; device < 32; device++) {
    for (let fn = 0; fn < 8; fn++) {
      const bdf = device * 8 + fn;
      if (readPciConfig(context, bdf, 0, 2) !== 0xffff) yield bdf;
      if (fn === 0 && (readPciConfig(context, bdf, 0x0e, 1) & 0x80) === 0) break;
    }
  }
}

function find(context: BiosContext, frame: CallFrame, matches: (bdf: number) => boolean): number {
  let index = frame.si;
  for (const bdf of pciFunctions(context)) {
    if (matches(bdf) && index-- === 0) {
      frame.bx = bdf;
      return SUCCESSFUL;
    }
  }
  return DEVICE_NOT_FOUND;
}

export function pciBios(context: BiosContext, frame: CallFrame): 'done' {
  const status = call(context, frame);
  frame.ah = status;
  frame.carry = status !== SUCCESSFUL;
  return 'done';
}

function call(context: BiosContext, frame: CallFrame): number {
  const register = frame.di;
  const width = ([1, 2, 4] as const)[(frame.al - 8) % 3] ?? 1;
  switch (frame.al) {
    case 0x01:
      frame.edx = 0x20494350; // "PCI "
      frame.al = 0x01; // mechanism #1
      frame.bx = 0x0210;
      frame.cl = 0;
      return SUCCESSFUL;
    case 0x02:
      if (frame.dx === 0xffff) return BAD_VENDOR_ID;
      return find(
        context,
        frame,
        (bdf) => readPciConfig(context, bdf, 0, 4) === frame.cx * 0x10000 + frame.dx,
      );
    case 0x03:
      return find(
        context,
        frame,
        (bdf) => readPciConfig(context, bdf, 8, 4) >>> 8 === (frame.ecx & 0xffffff),
      );
    case 0x08:
    case 0x09:
    case 0x0a: {
      if (register > 255 || register % width !== 0) return BAD_REGISTER_NUMBER;
      const value = readPciConfig(context, frame.bx, register, width);
      if (width === 1) frame.cl = value;
      else if (width === 2) frame.cx = value;
      else frame.ecx = value;
      return SUCCESSFUL;
    }
    case 0x0b:
    case 0x0c:
    case 0x0d:
      if (register > 255 || register % width !== 0) return BAD_REGISTER_NUMBER;
      writePciConfig(
        context,
        frame.bx,
        register,
        width,
        width === 1 ? frame.cl : width === 2 ? frame.cx : frame.ecx,
      );
      return SUCCESSFUL;
    default:
      return FUNC_NOT_SUPPORTED;
  }
}
