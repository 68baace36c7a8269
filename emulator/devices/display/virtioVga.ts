/**
 * A virtio GPU that is a VGA as well, as QEMU's virtio-vga: PCI 1af4:1050 with the frame buffer in BAR 0, the registers
 * of the "std" card and behind them those of virtio in BAR 2, MSI-X in BAR 4. Firmware and simple drivers use the
 * VGA; what is seen is the GPU's from when a driver shows something until it is reset.
 */
import { checkedState } from '../../bus/deviceState.ts';
import type { DeviceId, DmaMemory, VersionedState } from '../../bus/types.ts';
import type { PciConfig } from '../pci/pciConfig.ts';
import type { PciFunction, PciSlot } from '../pci/pciFunction.ts';
import { VirtioPci } from '../virtio/virtioPci.ts';
import type { Display, PointerImage } from './display.ts';
import { edidBlock, type Monitor } from './edid.ts';
import type { Picture } from './picture.ts';
import type { Vga } from './vga.ts';
import { displayRegisters } from './vgaPci.ts';
import { VirtioGpu } from './virtioGpu.ts';

/** The registers of the "std" card come first. */
const virtioOffset = 0x1000;

export interface VirtioVgaParts {
  readonly vga: Vga;
  readonly memory: DmaMemory;
  readonly monitor: Monitor;
  readonly rom?: Uint8Array;
}

export class VirtioVga implements PciFunction, Display {
  readonly id: DeviceId = 'vga';
  readonly config: PciConfig;
  readonly #vga: Vga;
  readonly #gpu: VirtioGpu;
  readonly #pci: VirtioPci;
  #shown: Display;

  constructor(slot: PciSlot, { vga, memory, monitor, rom }: VirtioVgaParts) {
    const { width, height } = monitor;
    this.#vga = vga;
    this.#shown = vga;
    this.#gpu = new VirtioGpu({ memory, preferredSize: { width, height } });
    this.#pci = new VirtioPci('vga', slot, memory, this.#gpu, {
      place: {
        bar: 2,
        offset: virtioOffset,
        below: displayRegisters(vga, edidBlock(monitor)),
        msixBar: 4,
      },
    });
    this.config = this.#pci.config;
    this.config.addBar(0, {
      kind: 'memory32',
      size: vga.frameBufferSize,
      prefetchable: true,
      map: (start) => vga.mapFrameBuffer(start),
    });
    if (rom !== undefined) this.config.setRom(rom);
  }

  refresh(): Picture {
    const shown: Display = this.#gpu.active ? this.#gpu : this.#vga;
    const picture = shown.refresh();
    // The other card's picture: all of it is news.
    if (shown !== this.#shown) picture.damageAll();
    this.#shown = shown;
    return picture;
  }

  text(): readonly string[] | undefined {
    return this.#gpu.active ? undefined : this.#vga.text();
  }

  get pointer(): PointerImage | undefined {
    return this.#gpu.active ? this.#gpu.pointer : undefined;
  }

  setPreferredSize(width: number, height: number): void {
    this.#gpu.setPreferredSize(width, height);
  }

  reset(): void {
    this.#pci.reset();
    this.#gpu.powerOn();
    this.#vga.reset();
  }

  dispose(): void {
    this.#pci.dispose();
    this.#vga.dispose();
  }

  save() {
    return { version: 1, data: { pci: this.#pci.save(), vga: this.#vga.save() } };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#pci.load(data.pci);
    this.#vga.load(data.vga);
  }
}
