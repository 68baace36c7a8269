/**
 * The DSDT of the PC, as AML (ACPI 6.4 §5.2.11.1): PCI root with its windows and interrupt
 * routing for PIC and I/O APIC mode, link devices, ISA devices, \_S5. The power button is the
 * fixed one of PM1, so it has no object here.
 */
import {
  and,
  argument0,
  buffer,
  byteFields,
  createWordField,
  decrement,
  define,
  device,
  eisaId,
  findSetRightBit,
  integer,
  join,
  local0,
  method,
  nameString,
  operationRegion,
  or,
  packageOf,
  returns,
  scope,
  shiftLeft,
  store,
  text,
  when,
  type Aml,
} from './aml.ts';
import type { AcpiPlatform } from './platform.ts';
import {
  busNumbers,
  dma,
  fixedMemory,
  ioPorts,
  ioWindow,
  irq,
  memoryWindow,
  pciIrq,
  resources,
} from './resources.ts';

const name = nameString;
const letters = ['A', 'B', 'C', 'D'] as const;

export function dsdtBody(platform: AcpiPlatform): Aml {
  return join([
    define('PICM', integer(0)),
    // §5.8.1: the OS says which interrupt model it uses; 0 is the 8259 pair.
    method('_PIC', 1, store(argument0, name('PICM'))),
    // §7.4.2.6: value for SLP_TYP.
    define('_S5', packageOf(integer(platform.softOffType), integer(0), integer(0), integer(0))),
    scope(
      '\\_SB',
      ...Array.from({ length: platform.cpus }, (_, i) =>
        device(
          `C${i.toString(16).toUpperCase().padStart(3, '0')}`,
          define('_HID', text('ACPI0007')),
          define('_UID', integer(i)),
        ),
      ),
      pciRoot(platform),
      ...letters.map((letter, index) => linkDevice(letter, index)),
    ),
  ]);
}

function pciRoot(platform: AcpiPlatform): Aml {
  return device(
    'PCI0',
    define('_HID', eisaId('PNP0A03')),
    define('_UID', integer(0)),
    define('_BBN', integer(0)),
    define(
      '_CRS',
      resources(
        busNumbers(0, 0xff),
        ioPorts(0xcf8, 8),
        ioWindow(0, 0xcf7),
        ioWindow(0xd00, 0xffff),
        memoryWindow(0xa0000, 0xbffff),
        memoryWindow(platform.pciMemoryStart, platform.pciMemoryEnd - 1),
      ),
    ),
    define(
      'PRTP',
      routing(platform, (pirq) => [name(`LNK${letters[pirq] ?? 'A'}`), integer(0)]),
    ),
    define(
      'PRTA',
      routing(platform, (pirq) => [integer(0), integer(platform.pirqGsi + pirq)]),
    ),
    method('_PRT', 0, when(name('PICM'), returns(name('PRTA'))), returns(name('PRTP'))),
    isaBridge(platform),
  );
}

/** §6.2.13: every device's four pins. */
function routing(platform: AcpiPlatform, source: (pirq: number) => readonly [Aml, Aml]): Aml {
  const entries: Aml[] = [];
  for (let slot = 1; slot < 32; slot++) {
    for (let pin = 0; pin < 4; pin++) {
      const [link, index] = source(platform.pirqOf(slot, pin + 1));
      entries.push(packageOf(integer(slot * 0x10000 + 0xffff), integer(pin), link, index));
    }
  }
  return packageOf(...entries);
}

function isaBridge(platform: AcpiPlatform): Aml {
  return device(
    'ISA',
    define('_ADR', integer(platform.isaBridgeSlot * 0x10000)),
    operationRegion('PIRR', 2, platform.pirqRouteControl, 4),
    byteFields('PIRR', ['PRQA', 'PRQB', 'PRQC', 'PRQD']),
    isaDevice('PIC', 'PNP0000', ioPorts(0x20, 2), ioPorts(0xa0, 2), ioPorts(0x4d0, 2), irq(2)),
    isaDevice(
      'DMAC',
      'PNP0200',
      ioPorts(0x00, 0x10),
      ioPorts(0x81, 0x0f),
      ioPorts(0xc0, 0x20),
      dma(4),
    ),
    isaDevice('TMR', 'PNP0100', ioPorts(0x40, 4), irq(0)),
    isaDevice('RTC', 'PNP0B00', ioPorts(0x70, 2), irq(8)),
    isaDevice('SPKR', 'PNP0800', ioPorts(0x61, 1)),
    // IBM enhanced keyboard on an i8042, and the PS/2 mouse at its side.
    isaDevice('PS2K', 'PNP0303', ioPorts(0x60, 1), ioPorts(0x64, 1), irq(1)),
    isaDevice('PS2M', 'PNP0F13', irq(12)),
    ...platform.comPorts.map((com, i) =>
      device(
        `COM${i + 1}`,
        define('_HID', eisaId('PNP0501')),
        define('_UID', integer(i + 1)),
        define('_CRS', resources(ioPorts(com.base, 8), irq(com.irq))),
      ),
    ),
    ...(platform.floppyTypes.some((type) => type !== 0) ? [floppyController(platform)] : []),
    // §5.6.7 of the PnP IDs: motherboard resources that no driver may claim.
    isaDevice(
      'MBRD',
      'PNP0C02',
      ioPorts(0x80, 1),
      ioPorts(0x92, 1),
      ioPorts(0xb2, 2),
      ioPorts(0x510, 12),
      ioPorts(platform.pmBase, 0x40),
      fixedMemory(platform.ioApicBase, 0x1000),
      fixedMemory(platform.localApicBase, 0x1000),
    ),
  );
}

/** §9.9.1: _FDE has four words for the drives and one that says there is no tape. */
function floppyController({ floppyTypes }: AcpiPlatform): Aml {
  const present = new Uint8Array(20);
  floppyTypes.forEach((type, drive) => (present[4 * drive] = type === 0 ? 0 : 1));
  present[16] = 2;
  return device(
    'FDC0',
    define('_HID', eisaId('PNP0700')),
    define('_CRS', resources(ioPorts(0x3f0, 6), ioPorts(0x3f7, 1), irq(6), dma(2))),
    define('_FDE', buffer(present)),
  );
}

const isaDevice = (label: string, id: string, ...descriptors: Aml[]): Aml =>
  device(label, define('_HID', eisaId(id)), define('_CRS', resources(...descriptors)));

/** PCI interrupt link (§6.2.13, PNP0C0F) over a PIRQ route register of the ISA bridge. */
function linkDevice(letter: string, index: number): Aml {
  const route = name(`\\_SB.PCI0.ISA.PRQ${letter}`);
  return device(
    `LNK${letter}`,
    define('_HID', eisaId('PNP0C0F')),
    define('_UID', integer(index + 1)),
    define('_PRS', resources(pciIrq(5, 10, 11))),
    // Bit 7 of the route register switches the link off.
    method(
      '_STA',
      0,
      when(and(route, integer(0x80)), returns(integer(0x09))),
      returns(integer(0x0b)),
    ),
    method('_DIS', 0, or(route, integer(0x80), route)),
    method(
      '_CRS',
      0,
      store(resources(pciIrq()), local0),
      createWordField(local0, 1, 'IRQM'),
      when(
        // A link that is off has an empty IRQ mask.
        and(route, integer(0x80)),
        returns(local0),
      ),
      shiftLeft(integer(1), and(route, integer(0x0f)), name('IRQM')),
      returns(local0),
    ),
    method(
      '_SRS',
      1,
      createWordField(argument0, 1, 'IRQM'),
      findSetRightBit(name('IRQM'), local0),
      decrement(local0),
      store(local0, route),
    ),
  );
}
