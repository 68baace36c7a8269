/** Exit codes of `guesthouse run`. */
export const runExit = {
  powerOff: 0,
  /** The screen shows what was waited for. */
  screenSeen: 0,
  usage: 64,
  unusable: 70,
  timeout: 124,
  interrupted: 130,
} as const;
