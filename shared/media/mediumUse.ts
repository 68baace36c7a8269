/** What a recognised file can be in a machine of this build. */
import { diskSchema, type DiskConfig } from '../vm/config.ts';
import type { Medium } from './recogniseMedium.ts';

export type MediumUse =
  | { readonly as: 'cdrom' | 'floppy' | 'kernel' }
  | { readonly as: 'disk'; readonly format: DiskConfig['format'] };

/** Undefined for what no machine takes. */
export function useOf({ kind }: Medium): MediumUse | undefined {
  switch (kind) {
    case 'iso':
      return { as: 'cdrom' };
    case 'floppy':
    case 'kernel':
      return { as: kind };
    default: {
      // The configuration knows the formats that can be opened.
      const format = diskSchema.shape.format.safeParse(kind);
      return format.success ? { as: 'disk', format: format.data } : undefined;
    }
  }
}
