/** A guest's picture on its way to a window. */
import { z } from 'zod';

const bytes = z.instanceof(Uint8Array) as z.ZodType<Uint8Array>;
const length = z.int().min(0).max(4096);

export const framePartSchema = z
  .object({
    x: length,
    y: length,
    width: length,
    height: length,
    /** RGBA, rows from the top, alpha always 255. */
    pixels: bytes,
  })
  .refine(({ width, height, pixels }) => pixels.length === width * height * 4);

export const frameSchema = z.object({
  /** Size of the whole picture in pixels. */
  width: length,
  height: length,
  /** What has changed since this viewer's last frame; nothing if only time has passed. */
  parts: z.array(framePartSchema).max(32),
  /** 'absolute': the guest takes positions; 'relative': it takes motion only. */
  pointer: z.enum(['absolute', 'relative']),
});
export type Frame = z.infer<typeof frameSchema>;
export type FramePart = z.infer<typeof framePartSchema>;

export const thumbnailSchema = z
  .object({ width: length, height: length, pixels: bytes })
  .refine(({ width, height, pixels }) => pixels.length === width * height * 4);
/** A small copy of the picture, RGBA. */
export type Thumbnail = z.infer<typeof thumbnailSchema>;

/** Names a window's view of one machine. */
export const viewerSchema = z.string().min(1).max(64);
