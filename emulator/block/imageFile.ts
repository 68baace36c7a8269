/** The bytes of an image as formats see them; fileImage.ts implements it over a host file. */
export interface ImageFile {
  /** For messages. */
  readonly path: string;
  /** Bytes. */
  readonly size: number;
  /** Fills the buffers in order; bytes beyond the file's end are zero. Rejects with BlockError, as do all. */
  read(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  write(offset: number, buffers: readonly Uint8Array[]): Promise<void>;
  flush(): Promise<void>;
  /** Makes a range read as zeroes and gives its space back; false if the host cannot do it. */
  punchHole(offset: number, length: number): Promise<boolean>;
  close(): Promise<void>;
}
