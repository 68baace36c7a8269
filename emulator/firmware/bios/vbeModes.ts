/** The VBE modes: numbers of VESA's list up to 11Bh, ours from 140h on. */

export interface VbeModeInfo {
  readonly number: number;
  readonly width: number;
  readonly height: number;
  /** 15 has one bit that is not used. */
  readonly bpp: 8 | 15 | 16 | 24 | 32;
}

const standard: readonly (readonly [
  number: number,
  width: number,
  height: number,
  bpp: VbeModeInfo['bpp'],
])[] = [
  [0x100, 640, 400, 8],
  [0x101, 640, 480, 8],
  [0x103, 800, 600, 8],
  [0x105, 1024, 768, 8],
  [0x107, 1280, 1024, 8],
  [0x10d, 320, 200, 15],
  [0x10e, 320, 200, 16],
  [0x10f, 320, 200, 24],
  [0x110, 640, 480, 15],
  [0x111, 640, 480, 16],
  [0x112, 640, 480, 24],
  [0x113, 800, 600, 15],
  [0x114, 800, 600, 16],
  [0x115, 800, 600, 24],
  [0x116, 1024, 768, 15],
  [0x117, 1024, 768, 16],
  [0x118, 1024, 768, 24],
  [0x119, 1280, 1024, 15],
  [0x11a, 1280, 1024, 16],
  [0x11b, 1280, 1024, 24],
];

const sizes: readonly (readonly [number, number])[] = [
  [320, 200],
  [640, 400],
  [640, 480],
  [800, 600],
  [1024, 768],
  [1152, 864],
  [1280, 720],
  [1280, 800],
  [1280, 960],
  [1280, 1024],
  [1366, 768],
  [1440, 900],
  [1400, 1050],
  [1600, 900],
  [1600, 1200],
  [1680, 1050],
  [1920, 1080],
  [1920, 1200],
  [2048, 1536],
  [2560, 1440],
  [2560, 1600],
];

function allModes(): VbeModeInfo[] {
  const modes: VbeModeInfo[] = standard.map(([number, width, height, bpp]) => ({
    number,
    width,
    height,
    bpp,
  }));
  let number = 0x140;
  for (const bpp of [32, 24, 16, 15, 8] as const) {
    for (const [width, height] of sizes) {
      if (modes.some((m) => m.width === width && m.height === height && m.bpp === bpp)) continue;
      modes.push({ number: number++, width, height, bpp });
    }
  }
  return modes;
}

export const vbeModes: readonly VbeModeInfo[] = allModes();

export const bytesPerPixel = (bpp: number): number => Math.ceil(bpp / 8);
