/**
 * The graphics card "std" of Bochs and QEMU: PCI 1234:1111 with the frame buffer in BAR 0 and registers in
 * BAR 2 (QEMU, docs/specs/standard-vga.rst), and the ports and the memory window of a VGA.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { DeviceId, IoRegion, VersionedState } from '../../bus/types.ts';
import { PciConfig } from '../pci/pciConfig.ts';
import type { PciFunction, PciSlot } from '../pci/pciFunction.ts';
import { edidBlock, type Monitor } from './edid.ts';
import type { Vga } from './vga.ts';

/** BAR 2. */
const area = { edid: 0, vga: 0x400, vbe: 0x500, extended: 0x600, size: 0x1000 } as const;
const vgaPorts = 0x20;
const vbeRegisters = 11;
/** The extended registers: their size, and the byte order, which is always little. */
const extendedSize = 8;
const LITTLE_ENDIAN = 0x1e1e1e1e;

export interface VgaPciParts {
  readonly vga: Vga;
  readonly monitor: Monitor;
  /** Option ROM; `undefined` for a card that only drivers and our own BIOS use. */
  readonly rom?: Uint8Array;
}

export class VgaPci implements PciFunction {
  readonly id: DeviceId = 'vga';
  readonly config: PciConfig;
  readonly #vga: Vga;

  constructor(slot: PciSlot, { vga, monitor, rom }: VgaPciParts) {
    this.#vga = vga;
    this.config = new PciConfig(slot, {
      vendor: 0x1234,
      device: 0x1111,
      revision: 2,
      classCode: 0x030000,
      subsystemVendor: 0x1af4,
      subsystem: 0x1100,
    });
    this.config.addBar(0, {
      kind: 'memory32',
      size: vga.frameBufferSize,
      prefetchable: true,
      map: (start) => vga.mapFrameBuffer(start),
    });
    const region = displayRegisters(vga, edidBlock(monitor));
    this.config.addBar(2, { kind: 'memory32', size: area.size, region });
    if (rom !== undefined) this.config.setRom(rom);
  }

  reset(): void {
    this.config.reset();
    this.#vga.reset();
  }

  dispose(): void {
    this.config.dispose();
    this.#vga.dispose();
  }

  save() {
    return { version: 1, data: { pci: this.config.save(), vga: this.#vga.save() } };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, { version: 1, data: this.save().data });
    this.config.load(data.pci);
    this.#vga.load(data.vga);
  }
}

/** EDID, the VGA ports from 0x3c0 and the VBE registers, two bytes each. */
export function displayRegisters(vga: Vga, edid: Uint8Array): IoRegion {
  const readByte = (offset: number): number => {
    if (offset < area.vga) return edid[offset] ?? 0;
    if (offset < area.vga + vgaPorts) return vga.registers.read(offset - area.vga + 0x10);
    if (offset >= area.vbe && offset < area.vbe + 2 * vbeRegisters)
      return (vga.vbe.read((offset - area.vbe) >>> 1) >>> (8 * (offset & 1))) & 0xff;
    if (offset >= area.extended && offset < area.extended + extendedSize) {
      const register = offset < area.extended + 4 ? extendedSize : LITTLE_ENDIAN;
      return (register >>> (8 * (offset & 3))) & 0xff;
    }
    return offset >= area.extended ? 0xff : 0;
  };
  return {
    read: (offset, width) => {
      let value = 0;
      for (let i = width - 1; i >= 0; i--) value = value * 256 + readByte(offset + i);
      return value;
    },
    write: (offset, width, value) => {
      if (offset >= area.vbe && offset < area.vbe + 2 * vbeRegisters) {
        // Registers are written whole.
        if (width === 1 || (offset & 1) !== 0) return;
        for (let i = 0; i < width; i += 2)
          vga.vbe.write((offset - area.vbe + i) >>> 1, (value >>> (8 * i)) & 0xffff);
      } else if (offset >= area.vga && offset + width <= area.vga + vgaPorts) {
        for (let i = 0; i < width; i++)
          vga.registers.write(offset - area.vga + 0x10 + i, (value >>> (8 * i)) & 0xff);
      }
    },
  };
}
