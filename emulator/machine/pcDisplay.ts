import type { Clock, DmaMemory } from '../bus/types.ts';
import type { VideoMemory } from '../bus/videoMemory.ts';
import type { Display } from '../devices/display/display.ts';
import { Vga } from '../devices/display/vga.ts';
import { VgaPci } from '../devices/display/vgaPci.ts';
import { VirtioVga } from '../devices/display/virtioVga.ts';
import { buildVideoRom } from '../firmware/bios/videoRom.ts';
import type { PciBus } from '../devices/pci/pciBus.ts';
import type { PciFunction } from '../devices/pci/pciFunction.ts';
import type { DisplaySpec } from './machine.ts';
import { pciSlots, ports, videoWindow } from './pcLayout.ts';

export interface PcDisplay {
  readonly display: Display;
  readonly function: PciFunction;
}

/** Plugs the graphics card in, with the ports and the window that every VGA has. */
export function plugDisplay(
  pci: PciBus,
  spec: DisplaySpec,
  parts: { readonly memory: VideoMemory; readonly clock: Clock; readonly ram: DmaMemory },
): PcDisplay {
  const slot = pci.slot(pciSlots.display);
  const vga = new Vga(parts);
  const monitor = { name: 'Guesthouse', ...spec.preferredSize };
  slot.ports.map(ports.vga, 0x30, vga.region);
  slot.ports.map(ports.vbe, 4, vga.vbeRegion);
  slot.memory.map(videoWindow.start, videoWindow.size, vga.window);
  // Our own BIOS has the ROM in memory already; SeaBIOS looks for it here.
  if (spec.kind === 'virtio') {
    const rom = buildVideoRom(ports.bios, [0x1af4, 0x1050]);
    const card = new VirtioVga(slot, { vga, memory: parts.ram, monitor, rom });
    pci.plug(card);
    return { display: card, function: card };
  }
  const card = new VgaPci(slot, { vga, monitor, rom: buildVideoRom(ports.bios) });
  pci.plug(card);
  return { display: vga, function: card };
}
