/** Numbers and words of the NBD protocol (doc/proto.md). */

/** The server cannot be reached or has gone, as distinct from what it answers. */
export class NbdGone extends Error {}

export const magic = {
  server: 0x4e42444d41474943n, // NBDMAGIC
  option: 0x49484156454f5054n, // IHAVEOPT
  optionReply: 0x3e889045565a9n,
  request: 0x25609513,
  simpleReply: 0x67446698,
  structuredReply: 0x668e33ef,
} as const;
export const handshakeFlag = { fixedNewstyle: 1, noZeroes: 2 } as const;
export const option = {
  exportName: 1,
  abort: 2,
  startTls: 5,
  go: 7,
  structuredReply: 8,
  setMetaContext: 10,
} as const;
export const optionReply = { ack: 1, info: 3, metaContext: 4 } as const;
export const isError = 0x8000_0000;
export const infoType = { exportSize: 0, blockSize: 3 } as const;
export const transmissionFlag = {
  readOnly: 2,
  flush: 4,
  fua: 8,
  trim: 32,
  writeZeroes: 64,
} as const;
export const command = {
  read: 0,
  write: 1,
  disconnect: 2,
  flush: 3,
  trim: 4,
  writeZeroes: 6,
  blockStatus: 7,
} as const;
/** On WRITE: answered when it is durable. */
export const forceUnitAccess = 1;
/** On BLOCK_STATUS: one extent is enough. */
export const requestOne = 8;
export const chunk = { none: 0, data: 1, hole: 2, blockStatus: 5, error: 0x8001 } as const;
export const lastChunk = 1;
/** What a server may say about itself or an error, at most. Bytes. */
export const longestMessage = 65_536;
export const allocation = 'base:allocation';

export interface NbdExport {
  readonly size: number;
  readonly flags: number;
  /** Bytes; requests are multiples of it. */
  readonly minimumBlock: number;
  readonly maximumRequest: number;
  readonly tellsAllocation: boolean;
}

/** What the server says of a stretch (base:allocation): bit 0 a hole, bit 1 reads as zeroes. */
export interface NbdStatus {
  readonly length: number;
  readonly flags: number;
}
