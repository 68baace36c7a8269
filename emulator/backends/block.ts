export type BlockErrorCode =
  | 'io'
  | 'no-space'
  | 'read-only'
  | 'locked'
  | 'missing'
  | 'exists'
  | 'permission'
  /** The image contradicts itself or what its format allows. */
  | 'corrupt'
  /** The image is in order but uses what is not there yet, such as encryption. */
  | 'unsupported'
  /** The image names a file outside the folders that the user allowed. */
  | 'not-allowed'
  /** Someone ended the work. */
  | 'cancelled';

/** Thrown (rejected) by block backends: a host failure the user can act on. */
export class BlockError extends Error {
  override name = 'BlockError';
  readonly code: BlockErrorCode;
  constructor(code: BlockErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** Code 'not-allowed': an image that a disk builds on lies outside the folders that the user allowed. */
export class OutsideFolders extends BlockError {
  /** The disk whose chain it is, and the folder or NBD server to allow. */
  readonly wanted: { readonly disk: string; readonly folder: string };
  constructor(message: string, wanted: OutsideFolders['wanted']) {
    super('not-allowed', message);
    this.wanted = wanted;
  }
}

/**
 * A disk's contents. Offsets and lengths are bytes, multiples of 512. Calls may overlap in time;
 * a flush covers every write that had resolved before it was called.
 */
export interface BlockBackend {
  /** Capacity in bytes. */
  readonly size: number;
  readonly readOnly: boolean;
  /** Scatter read: fills `buffers` in order from `offset`. */
  read(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  write(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  /**
   * The same without a promise, where nothing has to be waited for. False: it was not done, or only in part, and is to be asked for by
   * read() and write(), which also say what is wrong.
   */
  readNow?(offset: number, buffers: readonly Uint8Array[]): boolean;
  writeNow?(offset: number, buffers: readonly Uint8Array[]): boolean;
  /** Resolves when what is written is on stable storage; where it is there it costs less than a flush after the write. */
  writeDurable?(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  /** Resolves when the data is on stable storage. */
  flush(): Promise<void>;
  /** Optional hints. */
  discard?(offset: number, length: number): Promise<void>;
  writeZeroes?(offset: number, length: number): Promise<void>;
  close(): Promise<void>;
}
