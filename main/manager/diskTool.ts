import type { DiskToolModule } from '../../shared/vm/diskTool.ts';
import { engineEntry } from './engineEntry.ts';

/** The engine's work on disk images. */
export async function diskTool(): Promise<DiskToolModule> {
  return (await import(engineEntry('diskTool').href)) as DiskToolModule;
}
