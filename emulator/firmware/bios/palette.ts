/** INT 10h AH=10h: palette registers and DAC. */
import type { BiosContext } from './biosContext.ts';
import type { CallFrame } from './callFrame.ts';
import { linear } from './callFrame.ts';
import type { VideoCard } from './videoCard.ts';

const OVERSCAN = 0x11;
const MODE_CONTROL = 0x10;
const COLOUR_SELECT = 0x14;
const BLINK = 0x08;

export function paletteService({ memory }: BiosContext, card: VideoCard, frame: CallFrame): void {
  switch (frame.al) {
    case 0x00:
      if (frame.bl <= COLOUR_SELECT) card.attribute(frame.bl, frame.bh);
      return;
    case 0x01:
      card.attribute(OVERSCAN, frame.bh);
      return;
    case 0x02: {
      const at = linear(frame.es, frame.dx);
      for (let i = 0; i < 16; i++) card.attribute(i, memory.read8(at + i));
      card.attribute(OVERSCAN, memory.read8(at + 16));
      return;
    }
    case 0x03: {
      const control = card.readAttribute(MODE_CONTROL);
      card.attribute(MODE_CONTROL, (frame.bl & 1) !== 0 ? control | BLINK : control & ~BLINK);
      return;
    }
    case 0x07:
      if (frame.bl <= COLOUR_SELECT) frame.bh = card.readAttribute(frame.bl);
      return;
    case 0x08:
      frame.bh = card.readAttribute(OVERSCAN);
      return;
    case 0x09: {
      const at = linear(frame.es, frame.dx);
      for (let i = 0; i < 16; i++) memory.write8(at + i, card.readAttribute(i));
      memory.write8(at + 16, card.readAttribute(OVERSCAN));
      return;
    }
    case 0x10:
      card.writeDac(frame.bx & 0xff, Uint8Array.of(frame.dh, frame.ch, frame.cl));
      return;
    case 0x12:
      card.writeDac(
        frame.bx & 0xff,
        memory.read(linear(frame.es, frame.dx), 3 * Math.min(frame.cx, 256)),
      );
      return;
    case 0x13: {
      const control = card.readAttribute(MODE_CONTROL);
      if (frame.bl === 0) card.attribute(MODE_CONTROL, (control & 0x7f) | ((frame.bh & 1) << 7));
      else
        card.attribute(COLOUR_SELECT, (control & 0x80) !== 0 ? frame.bh & 15 : (frame.bh & 3) << 2);
      return;
    }
    case 0x15: {
      const [red = 0, green = 0, blue = 0] = card.readDac(frame.bx & 0xff, 1);
      [frame.dh, frame.ch, frame.cl] = [red, green, blue];
      return;
    }
    case 0x17:
      memory.write(
        linear(frame.es, frame.dx),
        card.readDac(frame.bx & 0xff, Math.min(frame.cx, 256)),
      );
      return;
    case 0x18:
      card.dacMask = frame.bl;
      return;
    case 0x19:
      frame.bl = card.dacMask;
      return;
    case 0x1a: {
      const wide = (card.readAttribute(MODE_CONTROL) & 0x80) !== 0;
      const select = card.readAttribute(COLOUR_SELECT);
      frame.bl = wide ? 1 : 0;
      frame.bh = wide ? select & 15 : (select >>> 2) & 3;
      return;
    }
    case 0x1b: {
      const count = Math.min(frame.cx, 256);
      const dac = card.readDac(frame.bx & 0xff, count);
      for (let i = 0; i < count; i++) {
        const [red = 0, green = 0, blue = 0] = dac.subarray(3 * i);
        dac.fill(Math.round(0.3 * red + 0.59 * green + 0.11 * blue), 3 * i, 3 * i + 3);
      }
      card.writeDac(frame.bx & 0xff, dac);
      return;
    }
    default:
  }
}
