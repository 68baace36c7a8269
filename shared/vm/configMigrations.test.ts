import { describe, expect, it } from 'vitest';
import { migrate, parseVmConfig, type Migrations } from './configMigrations.ts';

const current = {
  version: 4,
  id: '7a9e1c1e-8f43-4d4c-9a35-6f0a1b2c3d4e',
  name: 'Debian',
  memoryMiB: 512,
  boot: { kernel: '/boot/vmlinuz' },
  createdAt: '2026-11-23T07:00:00Z',
};

describe('configuration versions', () => {
  it('reads the current version and fills in defaults', () => {
    expect(parseVmConfig(current)).toMatchObject({ cpus: 1, disks: [], engine: 'translator' });
  });

  it('reads version 1, whose disks were all virtio', () => {
    const old = { ...current, version: 1, disks: [{ path: '/d.img' }] };
    expect(parseVmConfig(old)).toMatchObject({
      version: 4,
      disks: [{ path: '/d.img', interface: 'virtio' }],
      cdroms: [],
      floppies: [],
    });
  });

  it('reads version 3, which had no network, and gives a new VM one', () => {
    expect(parseVmConfig({ ...current, version: 3 }).adapters).toEqual([]);
    expect(parseVmConfig(current).adapters).toMatchObject([
      { model: 'virtio', connected: true, network: { mode: 'user', hostLoopback: false } },
    ]);
  });

  it('brings an old version up through every step in order', () => {
    const steps: Migrations = {
      1: (data) => ({ ...data, memoryMiB: Number(data['ramGiB']) * 1024, ramGiB: undefined }),
      2: (data) => ({ ...data, name: `${String(data['name'])}!` }),
    };
    expect(migrate({ version: 1, name: 'old', ramGiB: 2 }, steps, 3)).toMatchObject({
      version: 3,
      name: 'old!',
      memoryMiB: 2048,
    });
  });

  it('refuses a newer version with a way out', () => {
    expect(() => parseVmConfig({ ...current, version: 99 })).toThrow(
      expect.objectContaining({ code: 'config-newer', hint: expect.stringContaining('Update') }),
    );
  });

  it('refuses damaged data and names the field', () => {
    expect(() => parseVmConfig({ ...current, memoryMiB: 'lots' })).toThrow(/memoryMiB/);
    expect(() => parseVmConfig('text')).toThrow(/version/);
    expect(() => migrate({ version: 1 }, {}, 2)).toThrow(/Version 1/);
  });
});
