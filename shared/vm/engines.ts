import { z } from 'zod';

export const engineNames = ['interpreter', 'translator', 'kvm'] as const;
export type EngineName = (typeof engineNames)[number];

/** 'auto': KVM where it is usable, else the translator. */
export const engineChoices = [...engineNames, 'auto'] as const;

/** What a machine really runs on. */
export const engineInUseSchema = z.object({
  name: z.enum(engineNames),
  /** Why 'auto' came to it. */
  reason: z.string().max(4000).optional(),
});
export type EngineInUse = z.infer<typeof engineInUseSchema>;

export const engineSwitchedSchema = z.object({
  /** How long the guest stood still, in ms. */
  pauseMs: z.number(),
});
export type EngineSwitched = z.infer<typeof engineSwitchedSchema>;
