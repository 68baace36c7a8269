/** A writer of cpio archives in the "newc" format (Documentation/driver-api/early-userspace/buffer-format.rst). */
const encoder = new TextEncoder();

const type = { folder: 0o040000, file: 0o100000, link: 0o120000, character: 0o020000 } as const;

export class CpioArchive {
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #inode = 1;

  folder(name: string, mode = 0o755): this {
    return this.#entry(name, type.folder | mode, new Uint8Array(0));
  }

  file(name: string, content: Uint8Array | string, mode = 0o644): this {
    const bytes = typeof content === 'string' ? encoder.encode(content) : content;
    return this.#entry(name, type.file | mode, bytes);
  }

  link(name: string, target: string): this {
    return this.#entry(name, type.link | 0o777, encoder.encode(target));
  }

  character(name: string, major: number, minor: number, mode = 0o600): this {
    return this.#entry(name, type.character | mode, new Uint8Array(0), major, minor);
  }

  /** The whole archive with its trailer, padded to 512 bytes. */
  finish(): Uint8Array {
    this.#entry('TRAILER!!!', 0, new Uint8Array(0));
    this.#align(512);
    const whole = new Uint8Array(this.#length);
    let at = 0;
    for (const chunk of this.#chunks) {
      whole.set(chunk, at);
      at += chunk.length;
    }
    return whole;
  }

  #entry(name: string, mode: number, content: Uint8Array, major = 0, minor = 0): this {
    const path = encoder.encode(`${name}\0`);
    // c_magic, ino, mode, uid, gid, nlink, mtime, filesize, devmajor/minor, rdevmajor/minor, namesize, check
    const numbers = [
      this.#inode++,
      mode,
      0,
      0,
      1,
      0,
      content.length,
      0,
      0,
      major,
      minor,
      path.length,
      0,
    ];
    const header = `070701${numbers.map((n) => n.toString(16).padStart(8, '0')).join('')}`;
    this.#push(encoder.encode(header));
    this.#push(path);
    this.#align(4);
    this.#push(content);
    this.#align(4);
    return this;
  }

  #push(chunk: Uint8Array): void {
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  #align(boundary: number): void {
    const rest = this.#length % boundary;
    if (rest !== 0) this.#push(new Uint8Array(boundary - rest));
  }
}
