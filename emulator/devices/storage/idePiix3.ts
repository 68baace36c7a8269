/**
 * Intel 82371SB (PIIX3) IDE function (datasheet 290550-002 §2.4): two channels at the legacy ports, bus
 * mastering at BAR 4. Left out: the timing registers' effects (they read back), and their decode enable.
 */
import { checkedState } from '../../bus/deviceState.ts';
import { byteRegion } from '../../bus/portBus.ts';
import type { DeviceId, VersionedState } from '../../bus/types.ts';
import { PciConfig } from '../pci/pciConfig.ts';
import type { PciFunction, PciSlot } from '../pci/pciFunction.ts';
import { IdeChannel, type IdeChannelParts } from './ideChannel.ts';

/** IDETIM of both channels, and SIDETIM. */
const IDETIM = 0x40;
const DECODE_ENABLE = 0x8000;

export class IdePiix3 implements PciFunction {
  readonly id: DeviceId = 'ide';
  readonly config: PciConfig;
  /** Primary and secondary. */
  readonly channels: readonly [IdeChannel, IdeChannel];

  constructor(slot: PciSlot, parts: readonly [IdeChannelParts, IdeChannelParts]) {
    this.channels = [new IdeChannel(parts[0]), new IdeChannel(parts[1])];
    this.config = new PciConfig(slot, {
      vendor: 0x8086,
      device: 0x7010,
      revision: 0,
      classCode: 0x010180,
    });
    for (const channel of [0, 1]) {
      this.config.setDefault(IDETIM + 2 * channel, 2, DECODE_ENABLE);
      this.config.setWritable(IDETIM + 2 * channel, 2, 0xf3ff);
    }
    this.config.setWritable(0x44, 1, 0x0f);
    this.config.addBar(4, {
      kind: 'io',
      size: 16,
      region: byteRegion({
        read: (offset) => this.channels[offset >>> 3]?.busMaster.read(offset & 7) ?? 0xff,
        write: (offset, value) => this.channels[offset >>> 3]?.busMaster.write(offset & 7, value),
      }),
    });
  }

  async pause(): Promise<void> {
    await Promise.all(this.channels.map((channel) => channel.settled()));
  }

  resume(): void {
    for (const channel of this.channels) channel.resume();
  }

  reset(): void {
    this.config.reset();
    for (const channel of this.channels) channel.reset();
  }

  save() {
    return {
      version: 1,
      data: {
        config: this.config.save(),
        channels: this.channels.map((channel) => channel.save()),
      },
    };
  }

  load(state: VersionedState): void {
    const data = checkedState(this.id, state, this.save());
    this.config.load(data.config);
    this.channels.forEach((channel, i) => {
      const saved = data.channels[i];
      if (saved !== undefined) channel.load(saved);
    });
  }
}
