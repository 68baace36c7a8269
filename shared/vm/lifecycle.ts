/** States of a VM as the user sees them. 'saved': off, and the next start goes on from the saved state. */
export const vmStates = [
  'poweredOff',
  'saved',
  'starting',
  'running',
  'paused',
  'stopping',
  'aborted',
] as const;
export type VmState = (typeof vmStates)[number];
