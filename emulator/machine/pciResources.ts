import type { PciFunction } from '../devices/pci/pciFunction.ts';

/** Ranges that BARs are placed in, bytes and ports. */
export interface PciWindows {
  readonly memoryStart: number;
  readonly memoryEnd: number;
  readonly ioStart: number;
  readonly ioEnd: number;
}

const COMMAND = 0x04;
const BAR0 = 0x10;
const INTERRUPT_LINE = 0x3c;
const INTERRUPT_PIN = 0x3d;
const COMMAND_IO = 1;
const COMMAND_MEMORY = 2;

/**
 * What firmware does before it starts a kernel: gives every BAR an address, largest first, opens
 * the windows, and notes the ISA IRQ of each function's pin. Throws if the windows are full.
 */
export function assignPciResources(
  functions: readonly PciFunction[],
  windows: PciWindows,
  isaIrq: (device: number, pin: number) => number,
): void {
  let memory = windows.memoryStart;
  let io = windows.ioStart;
  const bars = functions.flatMap(({ config }) =>
    config.barSpecs().map(({ index, spec }) => ({ config, index, spec })),
  );
  // Largest first needs no padding: every size is a power of two.
  bars.sort((a, b) => b.spec.size - a.spec.size);
  for (const { config, index, spec } of bars) {
    const isIo = spec.kind === 'io';
    const start = Math.ceil((isIo ? io : memory) / spec.size) * spec.size;
    if (start + spec.size > (isIo ? windows.ioEnd : windows.memoryEnd)) {
      throw new RangeError('the PCI windows of the machine are full');
    }
    if (isIo) io = start + spec.size;
    else memory = start + spec.size;
    config.write(BAR0 + 4 * index, 4, start);
    if (spec.kind === 'memory64') config.write(BAR0 + 4 * index + 4, 4, 0);
  }
  for (const { config } of functions) {
    const kinds = config.barSpecs().map(({ spec }) => spec.kind);
    let command = config.get(COMMAND, 2);
    if (kinds.includes('io')) command |= COMMAND_IO;
    if (kinds.some((kind) => kind !== 'io')) command |= COMMAND_MEMORY;
    config.write(COMMAND, 2, command);
    const pin = config.get(INTERRUPT_PIN, 1);
    if (pin !== 0) config.write(INTERRUPT_LINE, 1, isaIrq(config.slot.device, pin));
  }
}
