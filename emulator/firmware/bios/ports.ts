/** INT 11h and 12h (equipment, memory), INT 14h (serial ports), INT 17h (no printers). */
import type { BiosContext, Service } from './biosContext.ts';
import { inb, outb } from './biosContext.ts';
import { bda } from './biosData.ts';

export const equipmentService =
  ({ data }: BiosContext): Service =>
  (frame) => {
    frame.ax = data.get16(bda.equipment);
    return 'done';
  };

export const memorySizeService =
  ({ data }: BiosContext): Service =>
  (frame) => {
    frame.ax = data.get16(bda.memoryKiB);
    return 'done';
  };

const TIMEOUT = 0x80;
/** 115200 / divisor for AL bits 7..5 of function 0. */
const divisors = [1047, 768, 384, 192, 96, 48, 24, 12] as const;
const LINE_STATUS = 5;
const DATA_READY = 0x01;
const TRANSMIT_EMPTY = 0x20;

export function serialService(context: BiosContext): Service {
  return (frame) => {
    const port = frame.dx < 4 ? context.data.get16(bda.comPorts + 2 * frame.dx) : 0;
    if (port === 0) {
      frame.ah = TIMEOUT;
      return 'done';
    }
    switch (frame.ah) {
      case 0x00: {
        const divisor = divisors[frame.al >>> 5] ?? 12;
        outb(context, port + 3, 0x80 | (frame.al & 0x1f));
        outb(context, port, divisor);
        outb(context, port + 1, divisor >>> 8);
        outb(context, port + 3, frame.al & 0x1f);
        outb(context, port + 4, 3);
        break;
      }
      case 0x01:
        if ((inb(context, port + LINE_STATUS) & TRANSMIT_EMPTY) === 0) return 'wait';
        outb(context, port, frame.al);
        frame.ah = inb(context, port + LINE_STATUS);
        return 'done';
      case 0x02: {
        const status = inb(context, port + LINE_STATUS);
        if ((status & DATA_READY) === 0) {
          frame.ah = TIMEOUT;
        } else {
          frame.al = inb(context, port);
          frame.ah = status & 0x1e;
        }
        return 'done';
      }
      case 0x03:
        break;
      default:
        return 'done';
    }
    frame.ah = inb(context, port + LINE_STATUS);
    frame.al = inb(context, port + 6);
    return 'done';
  };
}

export const printerService = (): Service => (frame) => {
  frame.ah = TIMEOUT;
  return 'done';
};
