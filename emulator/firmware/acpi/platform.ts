/** What the tables describe; the machine fills it in from its layout. */
export interface AcpiPlatform {
  readonly cpus: number;
  readonly ioApicBase: number;
  readonly ioApicId: number;
  readonly localApicBase: number;
  /** Interrupt source overrides: ISA IRQ, global system interrupt, and the MPS INTI flags. */
  readonly overrides: readonly {
    readonly irq: number;
    readonly gsi: number;
    readonly flags: number;
  }[];
  readonly sciIrq: number;
  /** Ports: PM1 event at +0, control at +4, timer at +8, GPE0 at +0xc. */
  readonly pmBase: number;
  readonly smiCommandPort: number;
  readonly acpiEnable: number;
  readonly acpiDisable: number;
  readonly resetPort: number;
  readonly resetValue: number;
  readonly softOffType: number;
  readonly centuryByte: number;
  readonly pciMemoryStart: number;
  readonly pciMemoryEnd: number;
  /** PCI device number of the ISA bridge, and its first PIRQ route register. */
  readonly isaBridgeSlot: number;
  readonly pirqRouteControl: number;
  /** Global system interrupt of PIRQA. */
  readonly pirqGsi: number;
  /** Index of the PIRQ that pin 1..4 of a PCI device is wired to. */
  pirqOf(device: number, pin: number): number;
  /** CMOS types of floppy drives A and B, 0 for none; without any there is no controller. */
  readonly floppyTypes: readonly [number, number];
  readonly comPorts: readonly { readonly base: number; readonly irq: number }[];
}
