import { createWriteStream, type WriteStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { UserError } from '../../shared/services/errors.ts';
import { captureHeader, capturePacket } from '../net/pcapng.ts';

/** What waits for a slow disk; more is left out of the file, which says so by its absence only. */
const mostWaiting = 64 << 20;

/** A pcapng file that is being written. */
export class CaptureFile {
  readonly path: string;
  readonly #stream: WriteStream;
  /** Frames that the disk was too slow for. */
  lost = 0;

  private constructor(path: string, stream: WriteStream) {
    this.path = path;
    this.#stream = stream;
    stream.on('error', () => undefined);
  }

  /** Makes a new file; never writes over one. Rejects with UserError. */
  static async create(path: string, name: string): Promise<CaptureFile> {
    try {
      const handle = await open(path, 'wx');
      const file = new CaptureFile(path, createWriteStream('', { fd: handle }));
      file.#stream.write(captureHeader(name));
      return file;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      throw new UserError(
        code === 'EEXIST'
          ? {
              code: 'capture-exists',
              message: `The file ${path} exists already.`,
              hint: 'Name a new file for the capture.',
            }
          : {
              code: 'capture-file',
              message: `The capture file ${path} cannot be written: ${message}.`,
              hint: 'Name another file.',
            },
        { cause: error },
      );
    }
  }

  add(bytes: Uint8Array, fromGuest: boolean, wallMs: number): void {
    if (this.#stream.writableLength > mostWaiting) this.lost++;
    else this.#stream.write(capturePacket(bytes, fromGuest, wallMs));
  }

  close(): Promise<void> {
    return new Promise((resolve) => this.#stream.end(() => resolve()));
  }
}
