/**
 * Intel 82540EM (8086:100e; "PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual",
 * 317453, cited as SDM): registers in BAR 0 and through the I/O BAR, EEPROM, PHY, statistics, interrupt
 * causes and throttling by mask. The rings are e1000Transmit.ts and e1000Receive.ts. Left out: wake-up, flow
 * control, VLAN filters, interrupt delay timers (causes are raised at once), receive packet split.
 */
import type { AdapterEnd, Frame, NetworkBackend } from '../../backends/network.ts';
import { checkedState } from '../../bus/deviceState.ts';
import type { Clock, DeviceId, DmaMemory, IoRegion, VersionedState } from '../../bus/types.ts';
import { PciConfig } from '../pci/pciConfig.ts';
import type { PciFunction, PciSlot } from '../pci/pciFunction.ts';
import { eepromWords, readEepromSerial } from './e1000Eeprom.ts';
import { phyRead, phyReset, phyWrite } from './e1000Phy.ts';
import { E1000Receive } from './e1000Receive.ts';
import { E1000Transmit } from './e1000Transmit.ts';
import {
  cause,
  control,
  register as reg,
  registerBytes,
  status,
  writeMasks,
} from './e1000Registers.ts';

export interface E1000Parts {
  readonly clock: Clock;
  readonly memory: DmaMemory;
  readonly network: NetworkBackend;
  /** Six bytes. */
  readonly mac: Uint8Array;
}

export class E1000 implements PciFunction, AdapterEnd {
  readonly id: DeviceId;
  readonly config: PciConfig;
  /** TCP frames are cut by the network where the driver asks for it; frames to the guest are complete. */
  readonly offloads = { checksum: false, segmentation: false };
  readonly #network: NetworkBackend;
  readonly #mac: Uint8Array;
  readonly #registers = new Uint32Array(registerBytes / 4);
  readonly #eeprom: Uint16Array;
  readonly #phy = new Uint16Array(32);
  readonly #transmit: E1000Transmit;
  readonly #receive: E1000Receive;
  /** Shift state of the EEPROM's serial interface. */
  readonly #serial = { clock: 0, bits: 0, command: 0, out: 0, outBits: 0 };
  #ioAddress = 0;

  constructor(id: DeviceId, slot: PciSlot, { memory, network, mac }: E1000Parts) {
    this.id = id;
    this.#network = network;
    this.#mac = mac.slice();
    this.#eeprom = eepromWords(mac);
    this.config = new PciConfig(slot, {
      ...{ vendor: 0x8086, device: 0x100e, revision: 3, classCode: 0x020000 },
      ...{ subsystemVendor: 0x8086, subsystem: 0x001e, interruptPin: 1 },
    });
    this.config.addBar(0, { kind: 'memory32', size: registerBytes, region: this.#region });
    this.config.addBar(1, { kind: 'io', size: 64, region: this.#ioRegion });
    const parts = {
      memory,
      registers: this.#registers,
      raise: (bits: number) => this.#raise(bits),
      enabled: () => this.config.busMaster,
    };
    this.#transmit = new E1000Transmit({ ...parts, send: (frame) => network.take(frame) });
    this.#receive = new E1000Receive(parts);
    this.#resetRegisters();
    network.connect(this);
  }

  // Registers

  readonly #region: IoRegion = {
    read: (offset, width) => {
      const value = this.#read(offset & ~3) >>> (8 * (offset & 3));
      return width === 4 ? value >>> 0 : value & (2 ** (8 * width) - 1);
    },
    write: (offset, width, value) => {
      // SDM §13.2: registers are written as dwords.
      if (width === 4 && (offset & 3) === 0) this.#write(offset, value >>> 0);
    },
  };

  /** IOADDR and IODATA, SDM §13.2.2. */
  readonly #ioRegion: IoRegion = {
    read: (offset, width) => {
      if (width !== 4) return 0;
      if (offset === 0) return this.#ioAddress;
      return offset === 4 && this.#ioAddress < registerBytes ? this.#read(this.#ioAddress & ~3) : 0;
    },
    write: (offset, width, value) => {
      if (width !== 4) return;
      if (offset === 0) this.#ioAddress = value >>> 0;
      else if (offset === 4 && this.#ioAddress < registerBytes)
        this.#write(this.#ioAddress & ~3, value >>> 0);
    },
  };

  #get(offset: number): number {
    return this.#registers[offset >> 2] as number;
  }
  #set(offset: number, value: number): void {
    this.#registers[offset >> 2] = value;
  }

  #read(offset: number): number {
    switch (offset) {
      case reg.interruptCauseRead: {
        // SDM §13.4.17: reading clears.
        const causes = this.#get(reg.interruptCauseRead);
        this.#set(reg.interruptCauseRead, 0);
        this.#update();
        return causes | (causes !== 0 ? 0x8000_0000 : 0);
      }
      case reg.interruptMaskClear:
        return this.#get(reg.interruptMaskSet);
      case reg.interruptCauseSet:
        return 0;
      case reg.eepromControl:
        // EE_GNT follows EE_REQ.
        return (
          (this.#get(offset) & ~8) |
          0x110 |
          ((this.#serial.out & 1) << 3) |
          ((this.#get(offset) & 0x40) << 1)
        );
    }
    if (offset >= reg.statistics && offset < reg.statistics + 0x100) {
      const value = this.#get(offset);
      this.#set(offset, 0);
      return value;
    }
    return this.#get(offset);
  }

  #write(offset: number, value: number): void {
    switch (offset) {
      case reg.control:
        return this.#writeControl(value);
      case reg.eepromControl:
        readEepromSerial(this.#serial, this.#eeprom, value);
        return this.#set(offset, value & 0x47);
      case reg.eepromRead:
        // SDM §13.4.4: START reads the word at once.
        if ((value & 1) !== 0) {
          const word = this.#eeprom[(value >>> 8) & 0x3f] ?? 0xffff;
          this.#set(offset, ((word << 16) | (value & 0xff00) | 0x10) >>> 0);
        }
        return;
      case reg.phyControl:
        return this.#accessPhy(value);
      case reg.interruptCauseRead:
        this.#set(reg.interruptCauseRead, this.#get(reg.interruptCauseRead) & ~value);
        return this.#update();
      case reg.interruptCauseSet:
        return this.#raise(value & 0x1ffff);
      case reg.interruptMaskSet:
        this.#set(offset, (this.#get(offset) | value) & 0x1ffff);
        return this.#update();
      case reg.interruptMaskClear:
        this.#set(reg.interruptMaskSet, this.#get(reg.interruptMaskSet) & ~value);
        return this.#update();
      case reg.receiveTail:
        this.#set(offset, value & 0xffff);
        return this.#network.ready();
      case reg.transmitTail:
        this.#set(offset, value & 0xffff);
        return this.#send();
      case reg.receiveControl:
        this.#set(offset, value);
        return this.#network.ready();
      case reg.transmitControl:
        this.#set(offset, value);
        return this.#send();
    }
    const mask = writeMasks.get(offset) ?? (isTable(offset) ? 0xffff_ffff : 0);
    if (mask !== 0) this.#set(offset, (value & mask) >>> 0);
  }

  #send(): void {
    this.#transmit.run();
    this.#network.flush();
  }

  #writeControl(value: number): void {
    if ((value & control.reset) !== 0) {
      this.#resetRegisters();
      this.#update();
      return;
    }
    this.#set(reg.control, value & ~control.phyReset);
    if ((value & control.phyReset) !== 0) phyReset(this.#phy, this.#network.linkUp);
    this.#updateLink(false);
  }

  /** SDM §13.4.20: reads and writes of the PHY are done at once. */
  #accessPhy(value: number): void {
    const [address, phy, operation] = [
      (value >>> 16) & 31,
      (value >>> 21) & 31,
      (value >>> 26) & 3,
    ];
    let data = value & 0xffff;
    let error = 0;
    if (phy !== 1) error = 0x4000_0000;
    else if (operation === 2) data = phyRead(this.#phy, address);
    else if (operation === 1) {
      if (phyWrite(this.#phy, address, data, this.#network.linkUp)) this.#updateLink(true);
    }
    this.#set(reg.phyControl, ((value & 0x0fff_0000) | 0x1000_0000 | error | data) >>> 0);
    if ((value & 0x2000_0000) !== 0) this.#raise(cause.phyAccess);
  }

  #resetRegisters(): void {
    this.#registers.fill(0);
    this.#serial.clock =
      this.#serial.bits =
      this.#serial.command =
      this.#serial.out =
      this.#serial.outBits =
        0;
    phyReset(this.#phy, this.#network.linkUp);
    const [a, b, c, d, e, f] = this.#mac as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    this.#set(reg.receiveAddressLow, (a | (b << 8) | (c << 16) | (d << 24)) >>> 0);
    this.#set(reg.receiveAddressHigh, (e | (f << 8) | 0x8000_0000) >>> 0);
    this.#set(reg.control, 0x0000_0a40);
    this.#set(reg.packetBuffer, 0x0010_0030);
    this.#set(reg.ledControl, 0x0706_0302);
    this.#transmit.reset();
    this.#updateLink(false);
  }

  #updateLink(tell: boolean): void {
    const up = this.#network.linkUp;
    // Full duplex, 1000 Mb/s, PCI bus.
    const bits = 0x80 | status.fullDuplex | (up ? status.linkUp : 0);
    const changed = ((this.#get(reg.status) ^ bits) & status.linkUp) !== 0;
    this.#set(reg.status, bits);
    if (tell || changed) this.#raise(cause.linkChange);
  }

  linkChanged(): void {
    phyReset(this.#phy, this.#network.linkUp, this.#phy[0]);
    this.#updateLink(true);
  }

  // Interrupts

  #raise(bits: number): void {
    this.#set(reg.interruptCauseRead, this.#get(reg.interruptCauseRead) | bits);
    this.#update();
  }

  #update(): void {
    const pending = this.#get(reg.interruptCauseRead) & this.#get(reg.interruptMaskSet);
    this.config.setInterrupt(pending !== 0);
  }

  // The cable

  take(frame: Frame): boolean {
    return this.#receive.take(frame.bytes);
  }

  /** The network takes frames again. */
  ready(): void {
    if (this.#transmit.stalled) this.#send();
  }

  flush(): void {}

  // Device

  reset(): void {
    this.config.reset();
    this.#resetRegisters();
    this.#ioAddress = 0;
    this.#update();
  }

  resume(): void {
    this.ready();
    this.#network.ready();
  }

  dispose(): void {
    this.#network.dispose?.();
    this.config.dispose();
  }

  save() {
    return {
      version: 1,
      data: {
        pci: this.config.save(),
        registers: this.#registers.slice(),
        phy: this.#phy.slice(),
        serial: { ...this.#serial },
        ioAddress: this.#ioAddress,
        transmit: this.#transmit.save(),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.#registers.set(data.registers);
    this.#phy.set(data.phy);
    Object.assign(this.#serial, data.serial);
    this.#ioAddress = data.ioAddress;
    this.#transmit.load(data.transmit);
    this.config.load(data.pci);
    this.#update();
  }
}

/** Multicast table, VLAN table, receive addresses. */
const isTable = (offset: number): boolean => offset >= 0x5200 && offset < 0x5800;
