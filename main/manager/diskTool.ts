import type { DiskToolModule } from '../../shared/vm/diskTool.ts';

/** The engine's work on disk images; in the desktop app it lies beside this program as it was built. */
export async function diskTool(): Promise<DiskToolModule> {
  const entry = import.meta.url.endsWith('.ts')
    ? '../../emulator/host/diskTool.ts'
    : './diskTool.js';
  return (await import(new URL(entry, import.meta.url).href)) as DiskToolModule;
}
