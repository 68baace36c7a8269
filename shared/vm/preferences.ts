import { z } from 'zod';

/** Keys that can be the host key, by their `code`. */
export const hostKeyCodes = [
  'ControlRight',
  'ControlLeft',
  'AltRight',
  'ShiftRight',
  'MetaLeft',
  'MetaRight',
  'ScrollLock',
  'Pause',
] as const;
export type HostKeyCode = (typeof hostKeyCodes)[number];

const mirror = z
  .url({ protocol: /^https?$/ })
  .max(500)
  .transform((url) => url.replace(/\/+$/, ''));

/** What a person has chosen; what is absent is as it is by default. */
export const preferencesSchema = z.strictObject({
  theme: z.enum(['light', 'dark']).optional(),
  language: z.enum(['en', 'de']).optional(),
  hostKey: z.enum(hostKeyCodes).optional(),
  /** Absolute host path: where new disks are made. */
  disksFolder: z.string().min(1).max(4096).optional(),
  /** Where the gallery gets Debian from. */
  debianMirror: mirror.optional(),
});
export type Preferences = z.output<typeof preferencesSchema>;

export const preferenceChangesSchema = z.strictObject(
  Object.fromEntries(
    Object.entries(preferencesSchema.shape).map(([name, schema]) => [name, schema.nullable()]),
  ) as unknown as {
    [K in keyof typeof preferencesSchema.shape]: z.ZodNullable<(typeof preferencesSchema.shape)[K]>;
  },
);
export type PreferenceChanges = z.input<typeof preferenceChangesSchema>;
