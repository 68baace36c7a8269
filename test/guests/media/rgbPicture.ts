/** Screens as arrays of red, green and blue bytes, and how two are compared. */

export interface RgbPicture {
  readonly width: number;
  readonly height: number;
  readonly rgb: Uint8Array;
}

/** P6 with 8 bits, as QEMU dumps it; undefined while it is not complete. */
export function parsePpm(bytes: Uint8Array): RgbPicture | undefined {
  const head = String.fromCharCode(...bytes.subarray(0, 40));
  const match = /^P6\s+(\d+)\s+(\d+)\s+255\s/.exec(head);
  if (match === null) return undefined;
  const [width, height] = [Number(match[1]), Number(match[2])];
  const rgb = bytes.slice(match[0].length);
  return rgb.length === width * height * 3 ? { width, height, rgb } : undefined;
}

export function formatPpm({ width, height, rgb }: RgbPicture): Uint8Array {
  return Buffer.concat([Buffer.from(`P6\n${width} ${height}\n255\n`), rgb]);
}

/**
 * Empty if they are the same, else where they differ first. QEMU spreads five and six bits over eight in other
 * ways than we do, so the upper five count.
 */
export function samePicture(ours: RgbPicture, theirs: RgbPicture): string {
  if (ours.width !== theirs.width || ours.height !== theirs.height)
    return `${ours.width}×${ours.height} instead of ${theirs.width}×${theirs.height}`;
  let differing = 0;
  let first = -1;
  for (let i = 0; i < theirs.rgb.length; i++) {
    if ((ours.rgb[i] as number) >>> 3 === (theirs.rgb[i] as number) >>> 3) continue;
    differing++;
    if (first < 0) first = Math.floor(i / 3);
  }
  if (first < 0) return '';
  return `${differing} components, the first at ${first % theirs.width},${Math.floor(first / theirs.width)}`;
}
