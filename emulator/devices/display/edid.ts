/** An EDID 1.4 base block (VESA E-EDID release A, revision 2) for a monitor without a panel of its own. */

/** Most a monitor with an EDID detailed timing can have: 12 bits. */
const longest = 4095;

export interface Monitor {
  readonly name: string;
  /** Preferred mode in pixels. */
  readonly width: number;
  readonly height: number;
}

export function edidBlock({ name, width, height }: Monitor): Uint8Array {
  const edid = new Uint8Array(128);
  edid.set([0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]);
  // Manufacturer "GST" in five-bit letters, product, serial, week and year of model.
  edid.set([0x1e, 0x74, 0x01, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 36, 1, 4], 8);
  // Digital, 8 bits a colour; size in cm at 96 dpi; gamma 2.2; sRGB, preferred timing is native.
  const cm = (pixels: number): number => Math.min(255, Math.round((pixels / 96) * 2.54));
  edid.set([0xa5, cm(width), cm(height), 120, 0x06], 20);
  // Chromaticity of sRGB.
  edid.set([0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54], 25);
  // Established timings: 640×480, 800×600, 1024×768, 1280×1024 at 60 and 75 Hz.
  edid.set([0x21, 0x09, 0x00], 35);
  standardTimings.forEach(([columns, aspect], i) =>
    edid.set([columns / 8 - 31, aspect << 6], 38 + 2 * i),
  );
  edid.set(detailedTiming(Math.min(width, longest), Math.min(height, longest)), 54);
  edid.set(descriptor(0xfc, `${name}\n`), 72);
  // Range limits: 50..125 Hz, 30..160 kHz, 600 MHz.
  edid.set(
    [0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 60, 1, 0x0a, 0x20, 0x20, 0x20, 0x20, 0x20, 0x20],
    90,
  );
  edid.set(descriptor(0xff, '0\n'), 108);
  edid[127] = (256 - (edid.reduce((sum, byte) => sum + byte, 0) & 0xff)) & 0xff;
  return edid;
}

/** Columns and aspect ratio (0 16:10, 1 4:3, 2 5:4, 3 16:9), all at 60 Hz. */
const standardTimings: readonly (readonly [number, number])[] = [
  [1920, 0],
  [1920, 3],
  [1680, 0],
  [1600, 1],
  [1440, 0],
  [1280, 3],
  [1280, 0],
  [1152, 1],
];

/** §3.10.2, at 60 Hz with the blanking of a flat panel. */
function detailedTiming(width: number, height: number): number[] {
  const blankX = 160;
  const blankY = Math.max(23, Math.round(height * 0.03));
  const clock = Math.min(0xffff, Math.round(((width + blankX) * (height + blankY) * 60) / 10_000));
  const mm = (pixels: number): number => Math.round((pixels / 96) * 25.4) & 0xfff;
  const [w, h] = [mm(width), mm(height)];
  return [
    ...[clock & 0xff, clock >> 8],
    ...[width & 0xff, blankX, ((width >> 8) << 4) | (blankX >> 8)],
    ...[height & 0xff, blankY, ((height >> 8) << 4) | (blankY >> 8)],
    // Sync 48 pixels after the picture and 32 long, 3 lines after and 6 long.
    ...[48, 32, (3 << 4) | 6, 0],
    ...[w & 0xff, h & 0xff, ((w >> 8) << 4) | (h >> 8)],
    ...[0, 0, 0x1e],
  ];
}

function descriptor(tag: number, text: string): number[] {
  const bytes = [...text.padEnd(13, ' ').slice(0, 13)].map((c) => c.charCodeAt(0));
  return [0, 0, 0, tag, 0, ...bytes];
}
