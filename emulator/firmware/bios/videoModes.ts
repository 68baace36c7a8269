/** Register values of the standard VGA modes (IBM VGA technical reference, video mode tables). */

export interface VideoMode {
  readonly mode: number;
  readonly kind: 'text' | 'cga4' | 'cga2' | 'planar' | 'linear';
  /** Characters. */
  readonly columns: number;
  readonly rows: number;
  readonly characterHeight: 8 | 14 | 16;
  readonly segment: 0xa000 | 0xb000 | 0xb800;
  /** Bytes of a page. */
  readonly pageSize: number;
  readonly palette: 'ega' | 'cga' | 'mono' | 'vga';
  readonly misc: number;
  /** Registers 1..4. */
  readonly sequencer: readonly number[];
  readonly crtc: readonly number[];
  readonly attribute: readonly number[];
  readonly graphics: readonly number[];
}

const hex = (text: string): number[] => text.split(' ').map((byte) => parseInt(byte, 16));

const text80 = hex('5f 4f 50 82 55 81 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 28 1f 96 b9 a3 ff');
const text40 = hex('2d 27 28 90 2b a0 bf 1f 00 4f 0d 0e 00 00 00 00 9c 8e 8f 14 1f 96 b9 a3 ff');
const cga320 = hex('2d 27 28 90 2b 80 bf 1f 00 c1 00 00 00 00 00 00 9c 8e 8f 14 00 96 b9 a2 ff');
const cga640 = hex('5f 4f 50 82 54 80 bf 1f 00 c1 00 00 00 00 00 00 9c 8e 8f 28 00 96 b9 c2 ff');
const ega320 = hex('2d 27 28 90 2b 80 bf 1f 00 c0 00 00 00 00 00 00 9c 8e 8f 14 00 96 b9 e3 ff');
const ega640 = hex('5f 4f 50 82 54 80 bf 1f 00 c0 00 00 00 00 00 00 9c 8e 8f 28 00 96 b9 e3 ff');
const ega350 = hex('5f 4f 50 82 54 80 bf 1f 00 40 00 00 00 00 00 00 83 85 5d 28 0f 63 ba e3 ff');
const vga480 = hex('5f 4f 50 82 54 80 0b 3e 00 40 00 00 00 00 00 00 ea 8c df 28 00 e7 04 e3 ff');
const vga256 = hex('5f 4f 50 82 54 80 bf 1f 00 41 00 00 00 00 00 00 9c 8e 8f 28 40 96 b9 a3 ff');

const colours = '00 01 02 03 04 05 14 07 38 39 3a 3b 3c 3d 3e 3f';
const cgaColours = '00 01 02 03 04 05 06 07 10 11 12 13 14 15 16 17';
const attributes = {
  text: hex(`${colours} 0c 00 0f 08 00`),
  cga320: hex('00 13 15 17 02 04 06 07 10 11 12 13 14 15 16 17 01 00 03 00 00'),
  cga640: hex('00 17 17 17 17 17 17 17 17 17 17 17 17 17 17 17 01 00 01 00 00'),
  mono: hex('00 08 08 08 08 08 08 08 10 18 18 18 18 18 18 18 0e 00 0f 08 00'),
  ega200: hex(`${cgaColours} 01 00 0f 00 00`),
  ega350Mono: hex('00 08 00 00 18 18 00 00 00 08 00 00 00 18 00 00 0b 00 05 00 00'),
  vga: hex(`${colours} 01 00 0f 00 00`),
  vga2: hex('00 3f 3f 3f 3f 3f 3f 3f 3f 3f 3f 3f 3f 3f 3f 3f 01 00 0f 00 00'),
  vga256: hex('00 01 02 03 04 05 06 07 08 09 0a 0b 0c 0d 0e 0f 41 00 0f 00 00'),
};
const graphics = {
  text: hex('00 00 00 00 00 10 0e 00 ff'),
  mono: hex('00 00 00 00 00 10 0a 00 ff'),
  cga320: hex('00 00 00 00 00 30 0f 0f ff'),
  cga640: hex('00 00 00 00 00 00 0d 0f ff'),
  planar: hex('00 00 00 00 00 00 05 0f ff'),
  vga256: hex('00 00 00 00 00 40 05 0f ff'),
};

const text = (mode: number, columns: 40 | 80): VideoMode => ({
  mode,
  kind: 'text',
  columns,
  rows: 25,
  characterHeight: 16,
  segment: 0xb800,
  pageSize: columns === 40 ? 0x800 : 0x1000,
  palette: 'ega',
  misc: 0x67,
  sequencer: columns === 40 ? [0x08, 3, 0, 2] : [0x00, 3, 0, 2],
  crtc: columns === 40 ? text40 : text80,
  attribute: attributes.text,
  graphics: graphics.text,
});
const cga = (mode: number, wide: boolean): VideoMode => ({
  mode,
  kind: wide ? 'cga2' : 'cga4',
  columns: wide ? 80 : 40,
  rows: 25,
  characterHeight: 8,
  segment: 0xb800,
  pageSize: 0x4000,
  palette: 'cga',
  misc: 0x63,
  sequencer: wide ? [0x01, 1, 0, 6] : [0x09, 3, 0, 2],
  crtc: wide ? cga640 : cga320,
  attribute: wide ? attributes.cga640 : attributes.cga320,
  graphics: wide ? graphics.cga640 : graphics.cga320,
});
const planar = (
  mode: number,
  columns: number,
  rows: number,
  characterHeight: 8 | 14 | 16,
  rest: Pick<VideoMode, 'misc' | 'crtc' | 'attribute' | 'palette' | 'pageSize'>,
): VideoMode => ({
  mode,
  kind: 'planar',
  columns,
  rows,
  characterHeight,
  segment: 0xa000,
  sequencer: [columns === 40 ? 0x09 : 0x01, 0x0f, 0, 6],
  graphics: graphics.planar,
  ...rest,
});

export const videoModes: readonly VideoMode[] = [
  text(0x00, 40),
  text(0x01, 40),
  text(0x02, 80),
  text(0x03, 80),
  cga(0x04, false),
  cga(0x05, false),
  cga(0x06, true),
  {
    ...text(0x07, 80),
    segment: 0xb000,
    palette: 'mono',
    misc: 0x66,
    attribute: attributes.mono,
    graphics: graphics.mono,
  },
  planar(0x0d, 40, 25, 8, {
    misc: 0x63,
    crtc: ega320,
    attribute: attributes.ega200,
    palette: 'cga',
    pageSize: 0x2000,
  }),
  planar(0x0e, 80, 25, 8, {
    misc: 0x63,
    crtc: ega640,
    attribute: attributes.ega200,
    palette: 'cga',
    pageSize: 0x4000,
  }),
  planar(0x0f, 80, 25, 14, {
    misc: 0xa2,
    crtc: ega350,
    attribute: attributes.ega350Mono,
    palette: 'mono',
    pageSize: 0x8000,
  }),
  planar(0x10, 80, 25, 14, {
    misc: 0xa3,
    crtc: ega350,
    attribute: attributes.vga,
    palette: 'ega',
    pageSize: 0x8000,
  }),
  planar(0x11, 80, 30, 16, {
    misc: 0xe3,
    crtc: vga480,
    attribute: attributes.vga2,
    palette: 'ega',
    pageSize: 0xa000,
  }),
  planar(0x12, 80, 30, 16, {
    misc: 0xe3,
    crtc: vga480,
    attribute: attributes.vga,
    palette: 'ega',
    pageSize: 0xa000,
  }),
  {
    mode: 0x13,
    kind: 'linear',
    columns: 40,
    rows: 25,
    characterHeight: 8,
    segment: 0xa000,
    pageSize: 0x10000,
    palette: 'vga',
    misc: 0x63,
    sequencer: [0x01, 0x0f, 0, 0x0e],
    crtc: vga256,
    attribute: attributes.vga256,
    graphics: graphics.vga256,
  },
];

/** Red, green and blue, 6 bits each, of the 256 DAC registers; 64 colours and blacks but for 'vga'. */
export function dacValues(palette: VideoMode['palette']): Uint8Array {
  const dac = new Uint8Array(768);
  const set = (index: number, rgb: readonly number[]): void => dac.set(rgb, 3 * index);
  const irgb = (i: number): number[] => {
    const bright = (i & 8) !== 0 ? 0x15 : 0;
    const [red, green, blue] = [i & 4, i & 2, i & 1].map((bit) => (bit !== 0 ? 0x2a : 0) + bright);
    // Colour 6 is brown, not dark yellow.
    return i === 6 ? [0x2a, 0x15, 0] : [red ?? 0, green ?? 0, blue ?? 0];
  };
  if (palette === 'vga') {
    for (let i = 0; i < 16; i++) set(i, irgb(i));
    [0, 5, 8, 11, 14, 17, 20, 24, 28, 32, 36, 40, 45, 50, 56, 63].forEach((grey, i) =>
      set(16 + i, [grey, grey, grey]),
    );
    hues(set);
    return dac;
  }
  for (let i = 0; i < 64; i++) {
    if (palette === 'mono') {
      const level =
        (i & 0x18) === 0x18 ? 0x3f : (i & 0x08) !== 0 ? 0x2a : (i & 0x10) !== 0 ? 0x15 : 0;
      set(i, [level, level, level]);
    } else if (palette === 'cga') {
      set(i, irgb((i & 7) | ((i & 0x10) >>> 1)));
    } else {
      const level = (strong: number, weak: number): number =>
        ((i & strong) !== 0 ? 0x2a : 0) + ((i & weak) !== 0 ? 0x15 : 0);
      set(i, [level(4, 0x20), level(2, 0x10), level(1, 0x08)]);
    }
  }
  return dac;
}

/** DAC 32..247: nine rings of 24 hues, by brightness and saturation. */
function hues(set: (index: number, rgb: readonly number[]) => void): void {
  const rings = [
    [0, 16, 31, 47, 63],
    [31, 39, 47, 55, 63],
    [45, 49, 54, 58, 63],
    [0, 7, 14, 21, 28],
    [14, 17, 21, 24, 28],
    [20, 22, 24, 26, 28],
    [0, 4, 8, 12, 16],
    [8, 10, 12, 14, 16],
    [11, 12, 13, 15, 16],
  ];
  // Blue to red, to green and back to blue, in steps of a quarter.
  const wave = (step: number): number => {
    const at = ((step % 24) + 24) % 24;
    return at <= 4 ? at : at <= 12 ? 4 : at <= 16 ? 16 - at : 0;
  };
  rings.forEach((levels, ring) => {
    for (let step = 0; step < 24; step++) {
      const rgb = [wave(step), wave(step - 8), wave(step + 8)].map((level) => levels[level] ?? 0);
      set(32 + 24 * ring + step, rgb);
    }
  });
}
