/** States of a VM as the user sees them; Saved comes with snapshots. */
export const vmStates = [
  'poweredOff',
  'starting',
  'running',
  'paused',
  'stopping',
  'aborted',
] as const;
export type VmState = (typeof vmStates)[number];
