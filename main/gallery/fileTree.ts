/** A Unix file system's content in memory, filled from packages and written as one image. */

interface Common {
  /** Permissions with set-uid, set-gid and sticky bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  /** Seconds since 1970. */
  readonly mtime: number;
}
export type FileNode = Common &
  (
    | { readonly kind: 'folder' }
    | { readonly kind: 'file'; readonly content: Uint8Array }
    | { readonly kind: 'link'; readonly target: string }
    | {
        readonly kind: 'character' | 'block';
        readonly major: number;
        readonly minor: number;
      }
  );

const owner = { uid: 0, gid: 0 };
const mostLinks = 40;

export class FileTree {
  /** By path from the root without a leading slash; the root itself is ''. Names of one node are hard links. */
  readonly nodes = new Map<string, FileNode>();
  private readonly mtime: number;

  /** @param mtime of what is made here, in seconds */
  constructor(mtime: number) {
    this.mtime = mtime;
    this.nodes.set('', { kind: 'folder', mode: 0o755, ...owner, mtime });
  }

  /**
   * Puts a node at a path as a program that unpacks would: links in the path are followed, folders that are missing
   * are made, and a folder does not take the place of one that is there or of a link to one.
   */
  put(path: string, node: FileNode): void {
    const { folder, name } = this.place(path);
    if (name === '') return;
    const at = folder === '' ? name : `${folder}/${name}`;
    const before = this.nodes.get(at);
    if (node.kind === 'folder' && (before?.kind === 'folder' || before?.kind === 'link')) return;
    this.nodes.set(at, node);
  }

  folder(path: string, mode = 0o755): void {
    this.put(path, { kind: 'folder', mode, ...owner, mtime: this.mtime });
  }
  file(path: string, content: string | Uint8Array, mode = 0o644): void {
    const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
    this.put(path, { kind: 'file', content: bytes, mode, ...owner, mtime: this.mtime });
  }
  link(path: string, target: string): void {
    this.put(path, { kind: 'link', target, mode: 0o777, ...owner, mtime: this.mtime });
  }

  /** The node a path leads to; a last link is not followed. */
  get(path: string): FileNode | undefined {
    const { folder, name } = this.place(path, false);
    return this.nodes.get(name === '' ? '' : folder === '' ? name : `${folder}/${name}`);
  }

  /** A second name for the node at `target`. */
  hardLink(path: string, target: string): void {
    const node = this.get(target);
    if (node === undefined)
      throw new Error(`The archive links ${path} to ${target}, which is missing.`);
    this.put(path, node);
  }

  private place(path: string, make = true): { folder: string; name: string } {
    const waiting = path.split('/');
    const done: string[] = [];
    let links = 0;
    while (waiting.length > 0) {
      const part = waiting.shift()!;
      if (part === '' || part === '.') continue;
      if (part === '..') {
        done.pop();
        continue;
      }
      if (waiting.every((rest) => rest === '' || rest === '.'))
        return { folder: done.join('/'), name: part };
      const at = [...done, part].join('/');
      const node = this.nodes.get(at);
      if (node?.kind === 'link') {
        if (++links > mostLinks) throw new Error(`Too many links in ${path}.`);
        if (node.target.startsWith('/')) done.length = 0;
        waiting.unshift(...node.target.split('/'));
        continue;
      }
      if (node !== undefined && node.kind !== 'folder') throw new Error(`${at} is not a folder.`);
      if (node === undefined && make)
        this.nodes.set(at, { kind: 'folder', mode: 0o755, ...owner, mtime: this.mtime });
      done.push(part);
    }
    return { folder: '', name: '' };
  }
}
