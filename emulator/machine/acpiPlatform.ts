import { acpiDisableCommand, acpiEnableCommand } from '../devices/pci/powerManagementPiix4.ts';
import { softOffType } from '../devices/pci/acpiPm.ts';
import { pirqRouteControl } from '../devices/pci/isaBridgePiix3.ts';
import { pirqOf } from '../devices/pci/pciBus.ts';
import { RtcMc146818 } from '../devices/legacy/rtcMc146818.ts';
import type { AcpiPlatform } from '../firmware/acpi/platform.ts';
import {
  comPorts,
  ioApicBase,
  ioApicId,
  isaIrqs,
  localApicBase,
  pciMemoryEnd,
  pciMemoryStart,
  pciSlots,
  pirqIoApicPin,
  pitIoApicPin,
  ports,
} from './pcLayout.ts';

/** MPS INTI flags (ACPI 6.4 §5.2.12.5): polarity active high, trigger level. */
const ACTIVE_HIGH_LEVEL = 0xd;

/** What the ACPI tables say about this machine; `placed` is what other firmware has decided. */
export function acpiPlatform(
  cpus: number,
  serialPorts: number,
  floppyTypes: readonly [number, number],
  placed: { readonly pmBase: number; readonly pciMemoryStart: number } = {
    pmBase: ports.powerManagement,
    pciMemoryStart,
  },
): AcpiPlatform {
  return {
    cpus,
    ioApicBase,
    ioApicId,
    localApicBase,
    overrides: [
      { irq: isaIrqs.pit, gsi: pitIoApicPin, flags: 0 },
      { irq: isaIrqs.sci, gsi: isaIrqs.sci, flags: ACTIVE_HIGH_LEVEL },
    ],
    sciIrq: isaIrqs.sci,
    pmBase: placed.pmBase,
    smiCommandPort: ports.apm,
    acpiEnable: acpiEnableCommand,
    acpiDisable: acpiDisableCommand,
    resetPort: ports.pciConfig + 1,
    resetValue: 6,
    softOffType,
    centuryByte: RtcMc146818.centuryByte,
    pciMemoryStart: placed.pciMemoryStart,
    pciMemoryEnd,
    isaBridgeSlot: pciSlots.southBridge,
    pirqRouteControl,
    pirqGsi: pirqIoApicPin,
    pirqOf,
    comPorts: comPorts.slice(0, serialPorts),
    floppyTypes,
  };
}
