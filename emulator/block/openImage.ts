/** Opens disk images of any format, with the images that they build on. */
import { BlockError, OutsideFolders } from '../backends/block.ts';
import type { BlockImage, ImageFormat } from './blockImage.ts';
import { compressionOf, detectFormat } from './detectFormat.ts';
import type { ImageFile, ImageStore } from './imageFile.ts';
import { isNbdAddress } from '../../shared/vm/nbdAddress.ts';
import { openQcow2 } from './qcow2/qcow2Image.ts';
import { RawImage } from './raw/rawImage.ts';
import { readVdiHeader } from './vdi/vdiHeader.ts';
import { openVdi } from './vdi/vdiImage.ts';
import { openVhd } from './vhd/vhdImage.ts';
import { openVhdx } from './vhdx/vhdxImage.ts';
import { openVmdk } from './vmdk/vmdkImage.ts';

/** Longer chains are taken for a loop. */
const mostDepth = 200;

export interface OpenChoice {
  /** Absolute path. */
  readonly path: string;
  /** 'auto' looks at the content. */
  readonly format: ImageFormat | 'auto';
  readonly readOnly: boolean;
  /**
   * Folders and NBD servers that images named by images may lie in, besides the folder of the image itself;
   * 'anywhere' is for tools that were given the chain by hand.
   */
  readonly allowed?: readonly string[] | 'anywhere' | undefined;
  /** Id or name of an internal snapshot, which is then read. */
  readonly snapshot?: string | undefined;
  /** Leave out what it builds on: only `ownExtent` and reads of its own data make sense then. */
  readonly alone?: boolean | undefined;
  /** What is written is what images that build on this one have already: they do not lose it. */
  readonly merging?: boolean | undefined;
  /** Open a damaged image for writing. */
  readonly toRepair?: boolean | undefined;
}

/** Rejects with BlockError, whose message names the file; nothing stays open or is written then. */
export async function openImage(store: ImageStore, choice: OpenChoice): Promise<BlockImage> {
  return openAt(store, choice, [choice.path]);
}

export interface OpenLayer {
  readonly image: BlockImage;
  /** Closes it without the image below. */
  abandon(): Promise<void>;
}

/** Opens a QCOW2 image for writing on top of an image that is open already, which is closed with it. */
export async function openLayer(
  store: ImageStore,
  path: string,
  below: BlockImage,
): Promise<OpenLayer> {
  const file = await store.open(path, false);
  try {
    const { codecs } = store;
    const openBacking = async (): Promise<BlockImage> => below;
    const image = await openQcow2({ file, readOnly: false, codecs, openBacking });
    return { image, abandon: () => file.close() };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** `chain`: the paths from the top image to this one. */
async function openAt(
  store: ImageStore,
  choice: OpenChoice,
  chain: readonly string[],
): Promise<BlockImage> {
  const file = await openFile(store, choice);
  try {
    const format = choice.format === 'auto' ? await detectFormat(file) : choice.format;
    return await openFormat(store, choice, file, format, chain);
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Compressed images are only seen as such where the format is not named: a raw disk may begin so too. */
async function openFile(store: ImageStore, choice: OpenChoice): Promise<ImageFile> {
  const file = await store.open(choice.path, choice.readOnly);
  if (choice.format !== 'auto') return file;
  try {
    const start = new Uint8Array(8);
    await file.read(0, [start]);
    const compression = compressionOf(start);
    if (compression === undefined) return file;
    if (choice.readOnly) return await store.unpack(file, compression);
    throw new BlockError(
      'unsupported',
      `The disk image ${choice.path} is compressed (${compression}), so it can only be read; convert it to write to it.`,
    );
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function openFormat(
  store: ImageStore,
  choice: OpenChoice,
  file: ImageFile,
  format: ImageFormat,
  chain: readonly string[],
): Promise<BlockImage> {
  const { readOnly, snapshot, toRepair } = choice;
  if (snapshot !== undefined && format !== 'qcow2')
    throw new BlockError('unsupported', `The disk image ${file.path} has no internal snapshots.`);
  const openBacking = async (name: string, named?: ImageFormat): Promise<BlockImage | undefined> =>
    choice.alone ? undefined : openNamed(store, choice, name, named, chain);
  switch (format) {
    case 'raw':
      return RawImage.open(file, { readOnly, guessed: choice.format === 'auto' });
    case 'qcow2':
      return openQcow2({
        ...{ file, readOnly, snapshot, toRepair, openBacking, codecs: store.codecs },
      });
    case 'vdi':
      return openVdi({
        ...{ file, readOnly },
        openParent: async (uuid) =>
          openBacking(
            choice.alone ? '' : await findVdi(store, file.path, uuid, choice.allowed),
            'vdi',
          ),
      });
    case 'vhd':
      return openVhd({
        ...{ file, readOnly },
        openParent: async (names) => openBacking(await firstThere(store, file.path, names), 'vhd'),
      });
    case 'vhdx':
      return openVhdx({
        ...{ file, readOnly, keepsDataGuid: choice.merging },
        random: (bytes) => store.random(bytes),
        openParent: async (names) => openBacking(await firstThere(store, file.path, names), 'vhdx'),
      });
    case 'vmdk':
      return openVmdk({
        ...{ file, readOnly, codecs: store.codecs, keepsCid: choice.merging },
        random: (bytes) => store.random(bytes),
        openParent: (name) => openBacking(name.replaceAll('\\', '/')),
        openExtent: async (name) => {
          const path = store.resolve(choice.path, name);
          await checkAllowed(store, choice, path, chain);
          return store.open(path, readOnly);
        },
      });
  }
}

/** The VDI image with that UUID in the folder of one that builds on it, or in those that are allowed. */
async function findVdi(
  store: ImageStore,
  image: string,
  uuid: string,
  allowed: OpenChoice['allowed'],
): Promise<string> {
  const folders = [store.folderOf(image), ...(Array.isArray(allowed) ? (allowed as string[]) : [])];
  const found = await Promise.all([...new Set(folders)].map((folder) => store.list(folder)));
  for (const path of found.flat()) {
    if (path === image) continue;
    try {
      const file = await store.open(path, true);
      try {
        if ((await readVdiHeader(file)).uuid === uuid) return path;
      } finally {
        await file.close();
      }
    } catch (error) {
      // Any other file.
      if (!(error instanceof BlockError)) throw error;
    }
  }
  throw new BlockError(
    'missing',
    `The disk image ${image} builds on the VDI image with the UUID ${uuid}, which is not in its folder or those you allowed.`,
  );
}

/** Of several paths to the same image, the first that leads to a file. */
async function firstThere(
  store: ImageStore,
  image: string,
  names: readonly string[],
): Promise<string> {
  const [first] = names;
  if (first === undefined)
    throw new BlockError('corrupt', `The disk image ${image} does not say on what it builds.`);
  for (const name of names) {
    const path = store.resolve(image, name);
    if ((await store.list(store.folderOf(path))).includes(path)) return name;
  }
  return first;
}

/** An image that another one names. */
async function openNamed(
  store: ImageStore,
  choice: OpenChoice,
  name: string,
  format: ImageFormat | undefined,
  chain: readonly string[],
): Promise<BlockImage> {
  if (/^[a-z][a-z0-9+.-]+:/i.test(name) && !name.startsWith('file:') && !isNbdAddress(name))
    throw new BlockError(
      'unsupported',
      `The disk image ${choice.path} builds on "${name}", which is not a file.`,
    );
  const path = store.resolve(choice.path, name.replace(/^file:(?:\/\/)?/, ''));
  if (chain.includes(path) || chain.length > mostDepth)
    throw new BlockError('corrupt', `The disk image ${choice.path} builds on itself (${path}).`);
  await checkAllowed(store, choice, path, chain);
  const { allowed } = choice;
  try {
    const opened = { path, readOnly: true, format: format ?? ('auto' as const), allowed };
    return await openAt(store, opened, [...chain, path]);
  } catch (error) {
    if (!(error instanceof BlockError) || error.code !== 'missing') throw error;
    throw new BlockError(
      'missing',
      `The disk image ${choice.path} builds on ${path}, which does not exist.`,
      { cause: error },
    );
  }
}

/** Images may not lead to any file of the host: a downloaded one could name your keys. */
async function checkAllowed(
  store: ImageStore,
  { path: image, allowed = [] }: OpenChoice,
  path: string,
  chain: readonly string[],
): Promise<void> {
  if (allowed === 'anywhere') return;
  const folders = [...allowed, store.folderOf(chain[0] as string)];
  const folder = await store.outside(path, folders);
  if (folder === undefined) return;
  throw new OutsideFolders(
    `The disk image ${image} builds on ${path}, which lies outside its folder and those you allowed.`,
    { disk: chain[0] as string, folder },
  );
}
