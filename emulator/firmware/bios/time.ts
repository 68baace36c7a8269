/** INT 08h's counter and INT 1Ah: ticks, real-time clock, PCI BIOS, PXE's installation check. */
import type { BiosContext, Service } from './biosContext.ts';
import { readCmos, writeCmos } from './biosContext.ts';
import { bda } from './biosData.ts';
import { pciBios } from './pciBios.ts';
import type { Pxe } from './pxe/pxe.ts';

/** Ticks of 65536/1193182 s in a day. */
const ticksPerDay = 0x1800b0;

const fromBcd = (value: number): number => (value >>> 4) * 10 + (value & 15);

/** IRQ0: the tick counter, the midnight flag, the floppy motor. */
export function tick({ data }: BiosContext): void {
  let ticks = data.get32(bda.ticks) + 1;
  if (ticks >= ticksPerDay) {
    ticks = 0;
    data.set8(bda.midnight, data.get8(bda.midnight) + 1);
  }
  data.set32(bda.ticks, ticks);
  const motor = data.get8(bda.motorTimeout);
  if (motor > 0) data.set8(bda.motorTimeout, motor - 1);
}

/** Sets the tick counter from the real-time clock, in BCD as IBM's BIOS keeps it. */
export function setTicksFromClock(context: BiosContext): void {
  const [hours, minutes, seconds] = [4, 2, 0].map((index) => fromBcd(readCmos(context, index)));
  const total = ((hours ?? 0) * 60 + (minutes ?? 0)) * 60 + (seconds ?? 0);
  context.data.set32(bda.ticks, Math.floor((total * 1_193_182) / 65_536));
}

export function timeService(context: BiosContext, pxe: Pxe): Service {
  const { data } = context;
  return (frame) => {
    frame.carry = false;
    switch (frame.ah) {
      case 0x00: {
        const ticks = data.get32(bda.ticks);
        frame.cx = ticks >>> 16;
        frame.dx = ticks & 0xffff;
        frame.al = data.get8(bda.midnight);
        data.set8(bda.midnight, 0);
        return 'done';
      }
      case 0x01:
        data.set32(bda.ticks, frame.cx * 0x10000 + frame.dx);
        data.set8(bda.midnight, 0);
        return 'done';
      case 0x02:
        frame.ch = readCmos(context, 4);
        frame.cl = readCmos(context, 2);
        frame.dh = readCmos(context, 0);
        frame.dl = readCmos(context, 0x0b) & 1;
        return 'done';
      case 0x03:
        writeCmos(context, 0x0b, (readCmos(context, 0x0b) & 0x7e) | 0x80 | (frame.dl & 1));
        writeCmos(context, 4, frame.ch);
        writeCmos(context, 2, frame.cl);
        writeCmos(context, 0, frame.dh);
        writeCmos(context, 0x0b, readCmos(context, 0x0b) & 0x7f);
        return 'done';
      case 0x04:
        frame.ch = readCmos(context, 0x32);
        frame.cl = readCmos(context, 9);
        frame.dh = readCmos(context, 8);
        frame.dl = readCmos(context, 7);
        return 'done';
      case 0x05:
        writeCmos(context, 0x0b, readCmos(context, 0x0b) | 0x80);
        writeCmos(context, 0x32, frame.ch);
        writeCmos(context, 9, frame.cl);
        writeCmos(context, 8, frame.dh);
        writeCmos(context, 7, frame.dl);
        writeCmos(context, 0x0b, readCmos(context, 0x0b) & 0x7f);
        return 'done';
      case 0x06:
        if ((readCmos(context, 0x0b) & 0x20) !== 0) frame.carry = true;
        else {
          writeCmos(context, 5, frame.ch);
          writeCmos(context, 3, frame.cl);
          writeCmos(context, 1, frame.dh);
          context.parts.ports.write(0xa1, 1, context.parts.ports.read(0xa1, 1) & 0xfe);
          writeCmos(context, 0x0b, (readCmos(context, 0x0b) & 0x7f) | 0x20);
        }
        return 'done';
      case 0x07:
        writeCmos(context, 0x0b, readCmos(context, 0x0b) & ~0x20);
        return 'done';
      case 0x56:
        frame.carry = frame.al !== 0x50 || !pxe.installationCheck(frame);
        return 'done';
      case 0xb1:
        return pciBios(context, frame);
      default:
        frame.carry = true;
        return 'done';
    }
  };
}
