/**
 * The video BIOS as an option ROM at C0000h (PCI 3.0 §6.3), so that our system ROM, SeaBIOS and OVMF
 * run it alike: INT 10h and the initialisation trap to the services as the system ROM's stubs do.
 */
import { Assembler16 } from './assembler16.ts';
import { font8x14, font8x16, font8x8 } from './font.ts';
import { trapStub } from './stubs.ts';
import { trapVectors } from './trapPorts.ts';

export const videoRomBase = 0xc0000;
export const videoRomSegment = 0xc000;
const romSize = 0x4000;

/** Offsets in the ROM that the services name to programs. */
export const videoRom = {
  int10: 0x60,
  emptyTable: 0x80,
  savePointer: 0x90,
  staticInfo: 0xc0,
  oem: 0xe0,
  font8x8: 0x200,
  font8x14: 0xa00,
  font8x16: 0x1800,
} as const;

/** For the PCI card of `vendor` and `device`: firmware runs only a ROM that names its card. */
export function buildVideoRom(port: number, [vendor, device] = [0x1234, 0x1111]): Uint8Array {
  const a = new Assembler16(romSize);
  a.bytes(0x55, 0xaa, romSize / 512).near(0xe9, 'initialize');
  a.at(0x18).word(0x1c);
  // PCI data structure (PCI 3.0 §6.3.1.2): the card, VGA class, PC code type, last image.
  a.at(0x1c).text('PCIR').word(vendor).word(device).word(0).word(0x18);
  a.bytes(0, 0x00, 0x00, 0x03)
    .word(romSize / 512)
    .word(1)
    .bytes(0, 0x80)
    .word(0);
  a.label('initialize');
  // The trap ends with IRET: its frame leads to the RETF here.
  a.bytes(0x9c, 0x0e).near(0xe8, 'initializeTrap').bytes(0xcb); // pushf; push cs; call; retf
  a.label('initializeTrap').bytes(0x68).word(trapVectors.videoRom).near(0xe9, 'trap');
  a.at(videoRom.int10).bytes(0x6a, 0x10).near(0xe9, 'trap');
  // BDA 40:A8: video parameter table (none) and the addresses of other tables (none).
  a.at(videoRom.savePointer).bytes(...new Array<number>(28).fill(0));
  // INT 10h 1Bh's static table: modes, scan lines, character blocks, functions.
  a.at(videoRom.staticInfo).bytes(
    0xff,
    0xe0,
    0x0f,
    0,
    0,
    0,
    0,
    0x07,
    0x02,
    0x08,
    0xe7,
    0x0c,
    0,
    0,
    0,
    0,
  );
  a.at(videoRom.oem).text('Guesthouse\0');
  a.at(0x100);
  trapStub(a, port);
  a.at(videoRom.font8x8).data(font8x8());
  a.at(videoRom.font8x14).data(font8x14());
  a.at(videoRom.font8x16).data(font8x16());
  const image = a.finish();
  // All bytes add up to zero (PnP BIOS 1.0A §3.3).
  image[romSize - 1] = -image.reduce((sum, byte) => sum + byte, 0) & 0xff;
  return image;
}
