/**
 * VHDX images ([MS-VHDX] 8.0): dynamic, fixed and differencing, with replay of the log. Blocks that
 * are stored in part (differencing images of Hyper-V) are read, and stored whole when written.
 */
import { BlockError } from '../../backends/block.ts';
import type { BlockImage } from '../blockImage.ts';
import { zeroes } from '../bufferList.ts';
import type { ImageFile } from '../imageFile.ts';
import { MappedImage } from '../mappedImage.ts';
import { markedFirst } from '../firstWrite.ts';
import { readVhdxHeader, writeHeader } from './vhdxHeader.ts';
import { readLog, ReplayedFile } from './vhdxLog.ts';
import { VhdxMap } from './vhdxMap.ts';
import { parentPaths, readMetadata, readRegions, type VhdxMetadata } from './vhdxTables.ts';

export interface OpenVhdx {
  readonly file: ImageFile;
  readonly readOnly: boolean;
  /** What is written is what images that build on this one have already: they do not lose it. */
  readonly keepsDataGuid?: boolean | undefined;
  random(bytes: number): Uint8Array;
  openParent(names: readonly string[]): Promise<BlockImage | undefined>;
}

export async function openVhdx(options: OpenVhdx): Promise<BlockImage> {
  const { readOnly, random, keepsDataGuid, openParent } = options;
  let { file } = options;
  let header = await readVhdxHeader(file);
  const replay = await readLog(file, header);
  // Everything is checked as it will be, before anything is written.
  if (replay !== undefined) file = new ReplayedFile(file, replay);
  const regions = await readRegions(file);
  const metadata = await readMetadata(file, regions.metadata);
  await VhdxMap.open({ file, header, regions, metadata, random });
  if (replay !== undefined && !readOnly) {
    file = options.file;
    for (const { offset, content } of replay.pages)
      await file.write(offset, typeof content === 'number' ? zeroes(content) : [content]);
    await file.flush();
    header = await writeHeader(file, header, { fileWrite: random(16) });
  }
  const map = await VhdxMap.open({ file, header, regions, metadata, random, keepsDataGuid });
  let backing: BlockImage | undefined;
  if (metadata.parent !== undefined) {
    backing = await openParent(parentPaths(metadata));
    await checkLinkage(backing, metadata, options.file);
  }
  const marked = readOnly ? file : markedFirst(file, () => map.announce());
  return new MappedImage({ format: 'vhdx', map, file: marked, readOnly, backing });
}

/** A parent that was written to since gives a disk that never was. */
async function checkLinkage(
  parent: BlockImage | undefined,
  metadata: VhdxMetadata,
  file: ImageFile,
): Promise<void> {
  if (parent === undefined) return;
  const plain = (text: string | undefined): string =>
    text?.replace(/[{}-]/g, '').toLowerCase() ?? '';
  const { linkage } = (await parent.info()).details;
  const wanted = [metadata.parent?.get('parent_linkage'), metadata.parent?.get('parent_linkage2')];
  if (linkage === undefined || wanted.some((each) => plain(each) === linkage)) return;
  await parent.close();
  throw new BlockError(
    'corrupt',
    `The VHDX image ${file.path} builds on another one that was changed since.`,
  );
}
