/** Image files of this host. */
import { readdir, realpath } from 'node:fs/promises';
import path from 'node:path';
import { BlockError } from '../../backends/block.ts';
import { isNbdAddress } from '../../../shared/vm/nbdAddress.ts';
import type { ImageStore } from '../imageFile.ts';
import { nodeCodecs } from './codecs.ts';
import { openImageFile, wrapNameless } from './fileImage.ts';
import { parseNbdAddress, serverOf } from './nbdAddress.ts';

/**
 * `owner`: who uses the images, for the message that others get while they are locked. `unlocked`: to look at images
 * that others may be changing. `uncached`: the host is not to keep the files in its cache.
 * `filling`: what is opened for writing is filled and then flushed. `unflushed`: flushes do nothing. `shared`: others that say so may write to it too.
 */
export function hostStore(
  owner?: string,
  options: {
    readonly unlocked?: boolean;
    readonly uncached?: boolean | undefined;
    readonly filling?: boolean;
    readonly unflushed?: boolean;
    readonly shared?: boolean | undefined;
  } = {},
): ImageStore {
  const { unlocked = false, uncached, filling, unflushed, shared } = options;
  return {
    codecs: nodeCodecs,
    open: async (file, readOnly) => {
      if (isNbdAddress(file)) return (await import('./nbdFile.ts')).openNbd(file, readOnly);
      return openImageFile({
        path: file,
        readOnly,
        owner,
        unlocked: unlocked && readOnly,
        uncached,
        filling,
        unflushed,
        shared,
      });
    },
    unpack: async (file, compression) => {
      // Few images are compressed, and it takes streams and cryptography along.
      const { namelessTarget, unpackImage } = await import('./unpackImage.ts');
      return unpackImage(file, compression, () => namelessTarget(wrapNameless(file.path)));
    },
    create: async (file) => {
      if (isNbdAddress(file)) throw notMade(file);
      return openImageFile({ path: file, readOnly: false, create: true, owner });
    },
    resolve: (image, name) => (isNbdAddress(name) ? name : path.resolve(path.dirname(image), name)),
    relative: (image, target) => {
      if (isNbdAddress(target)) return target;
      const name = path.relative(path.dirname(image), target);
      return name.startsWith('..') || path.isAbsolute(name) ? target : name;
    },
    outside: async (file, folders) => {
      if (isNbdAddress(file)) {
        const server = serverOf(parseNbdAddress(file));
        return folders.includes(server) ? undefined : server;
      }
      const real = await realpath(file).catch(() => undefined);
      // What is not there cannot be opened either; the message for that is clearer.
      if (real === undefined) return undefined;
      for (const folder of folders) {
        const from = path.relative(await realpath(folder).catch(() => folder), real);
        if (!from.startsWith('..') && !path.isAbsolute(from)) return undefined;
      }
      return path.dirname(real);
    },
    folderOf: (file) => path.dirname(file),
    list: async (folder) => {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isFile()).map(({ name }) => path.join(folder, name));
    },
    random: (bytes) => crypto.getRandomValues(new Uint8Array(bytes)),
    now: () => Date.now(),
  };
}

const notMade = (url: string): BlockError =>
  new BlockError(
    'unsupported',
    `The NBD export ${url} cannot be made from here: its server makes it. "disk convert -O raw" fills one that is there.`,
  );
