/** Registers of the 82540EM (SDM chapter 13): offsets, bits, and what can be written. */

export const registerBytes = 0x20000;

export const register = {
  control: 0x0000,
  status: 0x0008,
  eepromControl: 0x0010,
  eepromRead: 0x0014,
  phyControl: 0x0020,
  interruptCauseRead: 0x00c0,
  interruptThrottle: 0x00c4,
  interruptCauseSet: 0x00c8,
  interruptMaskSet: 0x00d0,
  interruptMaskClear: 0x00d8,
  receiveControl: 0x0100,
  transmitControl: 0x0400,
  ledControl: 0x0e00,
  packetBuffer: 0x1000,
  receiveBaseLow: 0x2800,
  receiveBaseHigh: 0x2804,
  receiveLength: 0x2808,
  receiveHead: 0x2810,
  receiveTail: 0x2818,
  transmitBaseLow: 0x3800,
  transmitBaseHigh: 0x3804,
  transmitLength: 0x3808,
  transmitHead: 0x3810,
  transmitTail: 0x3818,
  /** Counters, which reading clears. */
  statistics: 0x4000,
  missedPackets: 0x4010,
  goodPacketsReceived: 0x4074,
  broadcastReceived: 0x4078,
  multicastReceived: 0x407c,
  goodPacketsTransmitted: 0x4080,
  goodOctetsReceived: 0x4088,
  goodOctetsTransmitted: 0x4090,
  totalOctetsReceived: 0x40c0,
  totalOctetsTransmitted: 0x40c8,
  totalPacketsReceived: 0x40d0,
  totalPacketsTransmitted: 0x40d4,
  receiveChecksum: 0x5000,
  multicastTable: 0x5200,
  receiveAddressLow: 0x5400,
  receiveAddressHigh: 0x5404,
} as const;

export const control = { reset: 1 << 26, phyReset: 0x8000_0000 } as const;
export const status = { fullDuplex: 1, linkUp: 2 } as const;

/** Interrupt causes, SDM §13.4.17. */
export const cause = {
  transmitDone: 1,
  transmitEmpty: 2,
  linkChange: 4,
  receiveLow: 0x10,
  receiveOverrun: 0x40,
  receiveTimer: 0x80,
  phyAccess: 0x200,
} as const;

/** Receive control, SDM §13.4.22. */
export const receiveControl = {
  enable: 2,
  storeBad: 4,
  unicastPromiscuous: 8,
  multicastPromiscuous: 0x10,
  longPackets: 0x20,
  broadcast: 0x8000,
  sizeExtension: 1 << 25,
  stripCrc: 1 << 26,
} as const;
export const transmitControl = { enable: 2 } as const;

/** Plain registers that hold what is written, with the bits that exist. */
export const writeMasks: ReadonlyMap<number, number> = new Map([
  [0x0028, 0xffff_ffff],
  [0x002c, 0xffff],
  [0x0030, 0xffff],
  [0x0038, 0xffff_ffff],
  [0x0170, 0xffff],
  [register.interruptThrottle, 0xffff],
  [0x0410, 0x3fff_ffff],
  [0x0458, 0xffff],
  [register.ledControl, 0xffff_ffff],
  [register.packetBuffer, 0xffff_ffff],
  [0x2160, 0xffff],
  [0x2168, 0xffff],
  [register.receiveBaseLow, 0xffff_fff0],
  [register.receiveBaseHigh, 0xffff_ffff],
  [register.receiveLength, 0xfff80],
  [register.receiveHead, 0xffff],
  [0x2820, 0xffff],
  [0x2828, 0x0fff_ffff],
  [0x282c, 0xffff],
  [0x2c00, 0xffff],
  [register.transmitBaseLow, 0xffff_fff0],
  [register.transmitBaseHigh, 0xffff_ffff],
  [register.transmitLength, 0xfff80],
  [register.transmitHead, 0xffff],
  [0x3820, 0xffff],
  [0x3828, 0xffff_ffff],
  [0x382c, 0xffff],
  [0x3830, 0xffff_ffff],
  [register.receiveChecksum, 0x3ff],
  [0x5800, 0x7fff],
  [0x5808, 0x7fff],
]);
