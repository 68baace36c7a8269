import { z } from 'zod';

/** What the desktop shell asks of a window of its own. */
export const shellRequestSchema = z.discriminatedUnion('kind', [
  /** The window's close button was pressed: what shall become of the machine? */
  z.strictObject({ kind: z.literal('close') }),
  /** Files were opened with the app. */
  z.strictObject({
    kind: z.literal('openFiles'),
    paths: z.array(z.string().min(1)).min(1).max(64),
  }),
  /** Chosen in the system's menu bar or the tray. */
  z.strictObject({
    kind: z.literal('command'),
    command: z.enum(['newVm', 'import', 'preferences', 'media', 'network', 'keys']),
  }),
]);
export type ShellRequest = z.infer<typeof shellRequestSchema>;
