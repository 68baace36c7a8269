import { describe, expect, it } from 'vitest';
import { vmConfigSchema } from '../../../shared/vm/config.ts';
import { checkDraft, newDraft } from '../vmForm/vmDraft.ts';
import { attachMedia, draftOfMedia } from './mediumDraft.ts';

const debian = {
  path: '/media/debian-12.iso',
  medium: { kind: 'iso', label: 'Debian 12.5.0 amd64 n', bootable: true },
} as const;
const disk = { path: 'C:\\images\\old.img', medium: { kind: 'raw', bootable: true } } as const;
const floppy = { path: '/media/dos.img', medium: { kind: 'floppy' } } as const;

describe('media that were dropped', () => {
  it('become a machine that can be created as it is', () => {
    const draft = { ...newDraft, ...draftOfMedia([debian, floppy]) };
    expect(draft).toMatchObject({ name: 'Debian 12.5.0', memoryMiB: '1024', kernel: '' });
    expect(checkDraft(draft).vm).toMatchObject({
      cdroms: [{ path: '/media/debian-12.iso', interface: 'ide' }],
      floppies: [{ path: '/media/dos.img' }],
      boot: { order: 'cda' },
    });
    expect(draftOfMedia([disk])).toMatchObject({ name: 'old', disks: [{ interface: 'ide' }] });
    const kernel = { path: '/boot/vmlinuz', medium: { kind: 'kernel' } } as const;
    expect(draftOfMedia([kernel])).toMatchObject({ kernel: '/boot/vmlinuz', cdroms: [] });
  });

  it('go into empty drives of a machine before it gets new ones', () => {
    const config = vmConfigSchema.parse({
      ...{ version: vmConfigSchema.shape.version.value, id: crypto.randomUUID(), name: 'one' },
      ...{ memoryMiB: 64, boot: {}, createdAt: new Date().toISOString() },
      cdroms: [{ path: '/other.iso' }, { interface: 'ahci' }],
    });
    expect(attachMedia(config, [debian, disk, floppy])).toEqual({
      cdroms: [
        { path: '/other.iso', interface: 'ide' },
        { path: '/media/debian-12.iso', interface: 'ahci' },
      ],
      disks: [
        {
          ...{ path: disk.path, format: 'raw', readOnly: false, interface: 'virtio' },
          allowedFolders: [],
        },
      ],
      floppies: [{ path: '/media/dos.img', readOnly: false }],
    });
  });
});
