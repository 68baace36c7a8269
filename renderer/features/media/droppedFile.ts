import { inspectMedium, type Medium } from '../../../shared/media/recogniseMedium.ts';
import type { HostService } from '../../../shared/services/host.ts';
import { placeFile, type PlacingOptions } from '../../transport/placeFile.ts';

/** A file of the manager's machine that was opened with the app. */
export interface HostFile {
  readonly path: string;
  readonly name: string;
}
export type DroppedFile = File | HostFile;

export interface Found {
  readonly file: DroppedFile;
  /** In bytes; absent if the file could not be read. */
  readonly size?: number;
  readonly medium?: Medium;
}

export const hostFile = (path: string): HostFile => ({
  path,
  name: path.slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1),
});

export async function inspectFile(
  file: DroppedFile,
  host: Pick<HostService, 'inspectFile'>,
): Promise<Found> {
  try {
    if (!(file instanceof File)) return { file, ...(await host.inspectFile(file.path)) };
    const medium = await inspectMedium(file.size, async (offset, length) => {
      const part = file.slice(offset, offset + length);
      return new Uint8Array(await part.arrayBuffer());
    });
    return { file, size: file.size, medium };
  } catch {
    // A folder, or a file that has gone meanwhile.
    return file instanceof File ? { file, size: file.size } : { file };
  }
}

/** The path of a file on the manager's machine, see placeFile. */
export const placeDropped = (file: DroppedFile, options: PlacingOptions): Promise<string> =>
  file instanceof File ? placeFile(file, options) : Promise.resolve(file.path);
