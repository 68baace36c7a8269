/** The text that describes a VMDK ("Virtual Disk Format 5.0", VMware 2011, "The Disk Descriptor"). */
import { BlockError } from '../../backends/block.ts';

export interface VmdkExtent {
  readonly kind: 'sparse' | 'flat' | 'zero';
  readonly size: number;
  /** Empty for zero extents, and for the image itself in one file. */
  readonly name: string;
  /** Bytes; where a flat extent begins in its file. */
  readonly offset: number;
}

export interface VmdkDescriptor {
  readonly createType: string;
  readonly cid: string;
  /** Of the parent when this image was made; 'ffffffff' if there is none. */
  readonly parentCid: string;
  readonly parentName: string | undefined;
  readonly extents: readonly VmdkExtent[];
}

export const noParent = 'ffffffff';
const mostExtents = 4096;

export function parseDescriptor(text: string, path: string): VmdkDescriptor {
  const wrong = (what: string): BlockError =>
    new BlockError('corrupt', `The VMDK image ${path} is damaged: ${what}.`);
  const settings = new Map<string, string>();
  const extents: VmdkExtent[] = [];
  for (const line of text.replace(/\0.*$/s, '').split(/\r?\n/)) {
    const extent = /^\s*(RW|RDONLY|NOACCESS)\s+(\d+)\s+([A-Z]+)(?:\s+"([^"]*)"(?:\s+(\d+))?)?/.exec(
      line,
    );
    if (extent !== null) {
      const [, access, sectors, type, name = '', offset = '0'] = extent;
      const kind = ({ SPARSE: 'sparse', FLAT: 'flat', VMFS: 'flat', ZERO: 'zero' } as const)[
        type as 'SPARSE' | 'FLAT' | 'VMFS' | 'ZERO'
      ] as VmdkExtent['kind'] | undefined;
      const [size, start] = [Number(sectors) * 512, Number(offset) * 512];
      if (access === 'NOACCESS' || kind === undefined)
        throw new BlockError(
          'unsupported',
          `The VMDK image ${path} has an extent of the kind ${access} ${type}.`,
        );
      if (!Number.isSafeInteger(size) || !Number.isSafeInteger(start + size) || size === 0)
        throw wrong('an extent has an impossible size');
      if (extents.length === mostExtents) throw wrong('it has too many extents');
      extents.push({ kind, size, name, offset: start });
      continue;
    }
    const setting = /^\s*([\w.]+)\s*=\s*"?([^"]*?)"?\s*$/.exec(line);
    if (setting !== null) settings.set((setting[1] as string).toLowerCase(), setting[2] as string);
  }
  const createType = settings.get('createtype');
  if (createType === undefined) throw wrong('its descriptor does not say of what type it is');
  if (extents.length === 0) throw wrong('its descriptor names no extents');
  return {
    ...{ createType, extents },
    cid: contentId(settings.get('cid')) ?? '',
    parentCid: contentId(settings.get('parentcid')) ?? noParent,
    parentName: settings.get('parentfilenamehint'),
  };
}

/** With eight digits, however many were written. */
const contentId = (text: string | undefined): string | undefined =>
  text?.toLowerCase().padStart(8, '0');

export interface NewDescriptor {
  readonly createType: string;
  readonly cid: string;
  readonly size: number;
  /** The extent line behind the size. */
  readonly extent: string;
  readonly parent?: { readonly cid: string; readonly name: string } | undefined;
}

export function newDescriptor({ createType, cid, size, extent, parent }: NewDescriptor): string {
  const cylinders = Math.min(65_535, Math.ceil(size / 512 / (16 * 63)));
  return [
    '# Disk DescriptorFile',
    'version=1',
    `CID=${cid}`,
    `parentCID=${parent?.cid ?? noParent}`,
    `createType="${createType}"`,
    ...(parent === undefined ? [] : [`parentFileNameHint="${parent.name}"`]),
    '',
    '# Extent description',
    `RW ${size / 512} ${extent}`,
    '',
    '# The Disk Data Base',
    '#DDB',
    '',
    'ddb.virtualHWVersion = "4"',
    `ddb.geometry.cylinders = "${cylinders}"`,
    'ddb.geometry.heads = "16"',
    'ddb.geometry.sectors = "63"',
    'ddb.adapterType = "ide"',
    '',
  ].join('\n');
}
