import { z } from 'zod';

/** How bad a line is, in each direction of a cable; what is absent is perfect. */
export const linkConditionsSchema = z.strictObject({
  /** Bits per second. */
  rate: z.number().positive().max(1e12).optional(),
  /** Milliseconds; jitter is added, evenly distributed. */
  latency: z.number().min(0).max(60_000).optional(),
  jitter: z.number().min(0).max(60_000).optional(),
  /** Per cent of frames that are lost, or overtaken. */
  loss: z.number().min(0).max(100).optional(),
  reorder: z.number().min(0).max(100).optional(),
});
export type LinkConditions = z.infer<typeof linkConditionsSchema>;
