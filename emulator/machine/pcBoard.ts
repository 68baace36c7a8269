/**
 * The board: buses, chips and the wires between them. Nothing here knows how the CPU is run, or
 * what is booted.
 */
import type { DirectMemory } from '../bus/directMemory.ts';
import type { Clock, Device, DmaMemory, IrqLine } from '../bus/types.ts';
import { FanOut, IrqWire, SharedIrq } from '../bus/irq.ts';
import type { InterruptSink } from '../bus/interruptMessage.ts';
import { decodeMessageWrite, isMessageAddress } from '../bus/interruptMessage.ts';
import { MemoryBus } from '../bus/memoryBus.ts';
import type { VideoMemory } from '../bus/videoMemory.ts';
import { PortBus } from '../bus/portBus.ts';
import { debugConsoleRegion, debugExitRegion } from '../devices/legacy/debugPorts.ts';
import { Dma8237 } from '../devices/legacy/dma8237.ts';
import { FwCfg, type FwCfgFile } from '../devices/legacy/fwCfg.ts';
import { IoApic82093 } from '../devices/legacy/ioApic82093.ts';
import { IsaPit } from '../devices/legacy/isaPit.ts';
import { PicPair } from '../devices/legacy/picPair.ts';
import { RtcMc146818 } from '../devices/legacy/rtcMc146818.ts';
import { SystemControl } from '../devices/legacy/systemControl.ts';
import type { Display } from '../devices/display/display.ts';
import { HostBridge440fx } from '../devices/pci/hostBridge440fx.ts';
import { IsaBridgePiix3, routableIsaIrqs } from '../devices/pci/isaBridgePiix3.ts';
import { PciBus, pirqOf } from '../devices/pci/pciBus.ts';
import { softOffCommand } from '../devices/pci/acpiPm.ts';
import type { PciFunction } from '../devices/pci/pciFunction.ts';
import { PowerManagementPiix4 } from '../devices/pci/powerManagementPiix4.ts';
import type { Ahci } from '../devices/storage/ahci.ts';
import { IsaUart } from '../devices/serial/isaUart.ts';
import { Bios } from '../firmware/bios/bios.ts';
import type { BiosParts } from '../firmware/bios/biosMachine.ts';
import type { BootAdapter } from '../firmware/bios/bootAdapter.ts';
import { trapPortCount } from '../firmware/bios/trapPorts.ts';
import { firmwareCmos, plugFirmware } from './externalFirmware.ts';
import { cmosBytes } from './firmwareData.ts';
import { bootDrives, floppyTypes } from './drives.ts';
import type { BiosBoot, MachineSpec } from './machine.ts';
import { plugDisplay } from './pcDisplay.ts';
import { PcInput } from './pcInput.ts';
import {
  comPorts,
  ioApicBase,
  isaIrqs,
  memoryMap,
  pciMemoryEnd,
  pciMemoryStart,
  pciSlots,
  pirqIoApicPin,
  pirqIsaIrqs,
  pitIoApicPin,
  ports,
  southBridge,
} from './pcLayout.ts';
import { plugStorage } from './pcStorage.ts';
import { assignPciResources } from './pciResources.ts';

export interface PcBoardParts {
  readonly spec: MachineSpec;
  readonly clock: Clock;
  readonly memory: DmaMemory;
  readonly videoMemory: VideoMemory;
  /** For external firmware. */
  readonly directMemory?: DirectMemory;
  /** An interrupt message to the local APICs. */
  readonly sendMessage: InterruptSink;
  /** Level of the 8259's INTR. */
  readonly picInterrupt: (high: boolean) => void;
  readonly fwCfg: {
    readonly items: ReadonlyMap<number, Uint8Array>;
    readonly files: () => ReadonlyMap<string, FwCfgFile>;
  };
  readonly requestReset: () => void;
  /** The network adapters, as the BIOS boots from them. */
  readonly bootAdapters: readonly BootAdapter[];
  /** What the BIOS asks of whoever runs the CPU. */
  readonly idle: Pick<BiosParts, 'rest' | 'wake'>;
  /** The host cannot serve a drive for now. */
  readonly onHostFailure: (error: Error) => void;
  readonly powerOff: () => void;
  readonly debugExit: (value: number) => void;
}

/** Builds the virtio functions, in slots that the board gives out. */
export type VirtioPlugger = (pci: PciBus, input: PcInput) => readonly PciFunction[];

export class PcBoard {
  readonly ports = new PortBus();
  readonly memory = new MemoryBus();
  readonly pic: PicPair;
  readonly ioApic: IoApic82093;
  readonly pci: PciBus;
  readonly display: Display | undefined;
  readonly input: PcInput;
  /** Undefined without SATA drives. */
  readonly ahci: Ahci | undefined;
  /** Undefined when a kernel is booted directly; under external firmware it serves its video ROM only. */
  readonly bios: Bios | undefined;
  readonly #powerManagement: PowerManagementPiix4;
  readonly #external: boolean;
  /** In the order of loading: sources of interrupts before the controllers they drive. */
  readonly devices: readonly Device[];

  constructor(parts: PcBoardParts, plugVirtio: VirtioPlugger) {
    const { spec, clock, requestReset } = parts;
    const boot = 'order' in spec.boot ? spec.boot : undefined;
    const external = boot?.external;
    this.#external = external !== undefined;
    if (external !== undefined && parts.directMemory === undefined)
      throw new RangeError('external firmware needs memory that it can be mapped in');
    const firmware =
      external === undefined || parts.directMemory === undefined
        ? undefined
        : plugFirmware(external, {
            memory: parts.directMemory,
            bus: this.memory,
            onHostFailure: parts.onHostFailure,
          });
    this.pic = new PicPair(new IrqWire(parts.picInterrupt));
    this.ioApic = new IoApic82093(parts.sendMessage);
    const isa = this.#isaIrqs();
    const input = (irq: number): IrqLine => isa[irq]?.input() ?? unknownIrq(irq);

    const systemControl = new SystemControl({ requestReset });
    const pit = new IsaPit({ clock, irq: input(isaIrqs.pit) });
    const cmos = [
      ...cmosBytes(spec.memory, floppyTypes(spec.drives)),
      ...(external === undefined || boot === undefined ? [] : firmwareCmos(boot, spec.cpus)),
    ];
    const rtc = new RtcMc146818({ clock, irq: input(isaIrqs.rtc), cmos });
    const dma = new Dma8237(parts.memory);
    this.input = new PcInput({ clock, ports: this.ports, irq: input, requestReset });
    const fwCfg = new FwCfg({ memory: parts.memory, ...parts.fwCfg });
    const uarts = comPorts.map(({ irq }, index) => {
      const backend = spec.serial[index];
      const id = `com${index + 1}`;
      return new IsaUart({
        id,
        clock,
        irq: input(irq),
        ...(backend === undefined ? {} : { backend }),
      });
    });

    // A PIRQ goes to the ISA bridge's router and to an I/O APIC pin of its own.
    const bridgeLines: IrqLine[] = [];
    const pirqs = [0, 1, 2, 3].map((n): IrqLine => {
      const pin = this.#ioApicPin(pirqIoApicPin + n);
      return new IrqWire((high) => {
        pin.set(high);
        bridgeLines[n]?.set(high);
      });
    });
    this.pci = new PciBus({
      ports: this.ports,
      memory: this.memory,
      pirqs,
      sendMessage: parts.sendMessage,
      resetControl: systemControl.resetControl,
    });
    const isaBridge = new IsaBridgePiix3(this.pci.slot(pciSlots.southBridge, southBridge.isa), {
      isaIrqs: new Map(routableIsaIrqs.map((irq) => [irq, input(irq)])),
      initialRoutes: this.#external ? [] : pirqIsaIrqs,
    });
    bridgeLines.push(...isaBridge.pirqs);
    this.#powerManagement = new PowerManagementPiix4(
      this.pci.slot(pciSlots.southBridge, southBridge.powerManagement),
      {
        clock,
        sci: input(isaIrqs.sci),
        ...(this.#external ? {} : { base: ports.powerManagement }),
        powerOff: parts.powerOff,
      },
    );
    const hostBridge = new HostBridge440fx(this.pci.slot(pciSlots.hostBridge), firmware?.shadow);
    for (const fn of [hostBridge, isaBridge, this.#powerManagement]) this.pci.plug(fn);

    const card =
      spec.display === undefined
        ? undefined
        : plugDisplay(this.pci, spec.display, {
            memory: parts.videoMemory,
            clock,
            ram: parts.memory,
          });
    this.display = card?.display;

    const map = this.ports.map.bind(this.ports);
    map(ports.dmaFirst, 16, dma.firstRegion);
    map(ports.dmaSecond, 32, dma.secondRegion);
    map(ports.dmaPages, 15, dma.pageRegion);
    map(ports.picMaster, 2, this.pic.masterRegion);
    map(ports.picSlave, 2, this.pic.slaveRegion);
    map(ports.picLevels, 2, this.pic.levelRegion);
    map(ports.pit, 4, pit.region);
    map(ports.systemControlB, 1, pit.controlRegion);
    map(ports.rtc, 2, rtc.region);
    map(ports.post, 1, systemControl.postRegion);
    map(ports.systemControlA, 1, systemControl.portARegion);
    map(ports.apm, 2, this.#powerManagement.apmRegion);
    map(ports.fwCfg, 2, fwCfg.region);
    map(ports.fwCfgDma, 8, fwCfg.dmaRegion);
    map(ports.pciConfig, 8, this.pci.region);
    uarts.forEach((uart, i) => {
      // An absent port is not there at all, so that an OS finds just the ones of the VM.
      const base = comPorts[i]?.base;
      if (base !== undefined && i < Math.max(1, spec.serial.length)) map(base, 8, uart.region);
    });
    if (spec.debugConsole !== undefined) {
      map(ports.debugConsole, 1, debugConsoleRegion(spec.debugConsole));
    }
    if (spec.debugExit) map(ports.debugExit, 4, debugExitRegion(parts.debugExit));
    this.memory.map(ioApicBase, 0x1000, this.ioApic.region);

    const storage = plugStorage({
      drives: spec.drives,
      pci: this.pci,
      ports: this.ports,
      memory: parts.memory,
      ...{ clock, dma },
      irq: input,
      onHostFailure: parts.onHostFailure,
    });
    this.ahci = storage.ahci;
    const virtio = plugVirtio(this.pci, this.input);
    for (const fn of virtio) this.pci.plug(fn);
    this.bios = boot === undefined ? undefined : this.#plugBios(boot, parts);
    this.devices = [
      ...(this.bios === undefined ? [] : [this.bios]),
      systemControl,
      fwCfg,
      ...this.input.devices,
      pit,
      rtc,
      ...uarts,
      hostBridge,
      ...(firmware?.devices ?? []),
      this.#powerManagement,
      ...(card === undefined ? [] : [card.function]),
      dma,
      ...storage.devices,
      ...virtio,
      isaBridge,
      this.pci,
      this.pic,
      this.ioApic,
    ];
  }

  #plugBios(boot: BiosBoot, { spec, clock, memory, requestReset, ...parts }: PcBoardParts): Bios {
    const bios = new Bios({
      memory,
      mmio: this.memory,
      ports: this.ports,
      clock,
      drives: bootDrives(spec.drives),
      adapters: parts.bootAdapters,
      bootOrder: boot.order,
      bootMenu: boot.menu,
      memoryMap: memoryMap(spec.memory),
      ramSize: spec.memory,
      comPorts: comPorts.slice(0, Math.max(1, spec.serial.length)).map(({ base }) => base),
      trapPort: ports.bios,
      powerOff: { port: ports.powerManagement + 4, value: softOffCommand },
      requestReset,
      ...parts.idle,
      onHostFailure: parts.onHostFailure,
    });
    this.ports.map(ports.bios, trapPortCount, bios.region);
    return bios;
  }

  /** Every ISA IRQ with its wires to the 8259 pair and the I/O APIC; several sources can share it. */
  #isaIrqs(): SharedIrq[] {
    return this.pic.lines.map((line, irq) => {
      const pin = this.#ioApicPin(irq === isaIrqs.pit ? pitIoApicPin : irq);
      return new SharedIrq(irq === isaIrqs.cascade ? line : new FanOut([line, pin]));
    });
  }

  #ioApicPin(pin: number): IrqLine {
    const line = this.ioApic.lines[pin];
    if (line === undefined) throw new RangeError(`no I/O APIC pin ${pin}`);
    return line;
  }

  /** First port of the ACPI block, or 0 while external firmware has not placed it. */
  get pmBase(): number {
    return this.#powerManagement.base;
  }

  pressPowerButton(): void {
    this.#powerManagement.pressPowerButton();
  }

  /** Power-on, and then the state that firmware leaves, unless that does it itself. */
  reset(): void {
    for (const device of this.devices) device.reset();
    if (this.#external) return;
    this.input.setUp();
    // PCI interrupts and the SCI are level triggered.
    for (const irq of new Set([...pirqIsaIrqs, isaIrqs.sci])) {
      const port = ports.picLevels + (irq >>> 3);
      this.ports.write(port, 1, this.ports.read(port, 1) | (1 << (irq & 7)));
    }
    assignPciResources(
      this.pci.functions(),
      {
        memoryStart: pciMemoryStart,
        memoryEnd: pciMemoryEnd,
        ioStart: ports.pciStart,
        ioEnd: ports.pciEnd,
      },
      (device, pin) => pirqIsaIrqs[pirqOf(device, pin)] ?? 0xff,
    );
  }

  /** Physical reads and writes of the CPU outside RAM. */
  memoryWrite(address: number, width: 1 | 2 | 4, value: number, send: InterruptSink): void {
    if (isMessageAddress(address) && width === 4) send(decodeMessageWrite(address, value));
    else this.memory.write(address, width, value);
  }
}

function unknownIrq(irq: number): never {
  throw new RangeError(`no ISA IRQ ${irq}`);
}
