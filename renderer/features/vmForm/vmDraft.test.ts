import { expect, test } from 'vitest';
import { configVersion, vmConfigSchema } from '../../../shared/vm/config.ts';
import { checkDraft, draftOf, newDisk, newDraft, splitPath, type VmDraft } from './vmDraft.ts';

const good: VmDraft = { ...newDraft, name: 'debian', kernel: '/boot/vmlinuz' };

test('an untouched form says what is missing, and only that', () => {
  expect(checkDraft(newDraft)).toEqual({
    problems: {
      name: 'Give the machine a name.',
      'boot.kernel': 'Choose a kernel to boot, or give the machine a drive to boot from.',
    },
  });
});

test('a good draft becomes a machine, with an empty initrd left out', () => {
  const { vm, problems } = checkDraft({ ...good, name: ' debian ' });
  expect(problems).toEqual({});
  expect(vm).toMatchObject({ name: 'debian', memoryMiB: 1024, cpus: 1, engine: 'translator' });
  expect(vm!.boot).toEqual({
    kernel: '/boot/vmlinuz',
    commandLine: 'console=ttyS0',
    order: 'cda',
    menu: false,
  });
});

test.each([
  ['', 'Enter a whole number of MiB.'],
  ['1.5', 'Enter a whole number of MiB.'],
  ['lots', 'Enter a whole number of MiB.'],
  ['8', 'At least 16 MiB are needed.'],
  ['4096', 'More than 3584 MiB need KVM.'],
  ['16384', 'At most 15360 MiB are possible.'],
])('memory of “%s” MiB is refused: %s', (memoryMiB, reason) => {
  expect(checkDraft({ ...good, memoryMiB }).problems).toEqual({ memoryMiB: reason });
});

test('more memory than the translator can address goes with KVM', () => {
  expect(checkDraft({ ...good, memoryMiB: '8192', engine: 'auto' }).problems).toEqual({});
});

test('more CPUs than the engine runs are refused', () => {
  expect(checkDraft({ ...good, cpus: '2' }).problems).toEqual({
    cpus: 'Several CPUs need hardware assistance; this engine runs one.',
  });
  expect(checkDraft({ ...good, cpus: '9' }).problems).toEqual({
    cpus: 'At most 8 CPUs are possible.',
  });
});

test('a CPU model that the engine does not run is refused, with what is missing', () => {
  const problem = (engine: VmDraft['engine'], cpuModel: VmDraft['cpuModel']) =>
    checkDraft({ ...good, engine, cpuModel }).problems.cpuModel;
  expect(problem('translator', 'x86-64-v3')).toMatch(/^Needs KVM: .*AVX2/);
  expect(problem('translator', 'host')).toMatch(/^Only KVM/);
  expect(problem('kvm', 'guesthouse-v2')).toMatch(/^Not for KVM/);
  for (const model of ['guesthouse-v2', 'host-like', 'x86-64-v2'] as const)
    expect(problem('translator', model)).toBeUndefined();
  for (const model of ['host-like', 'x86-64-v2', 'x86-64-v3', 'host'] as const)
    expect([problem('kvm', model), problem('auto', model)]).toEqual([undefined, undefined]);
});

test('paths must be whole, in the way of any host', () => {
  expect(checkDraft({ ...good, kernel: 'vmlinuz' }).problems).toEqual({
    'boot.kernel': 'Give the whole path, from the root folder on.',
  });
  for (const kernel of ['/boot/vmlinuz', 'C:\\boot\\vmlinuz', '\\\\server\\share\\vmlinuz'])
    expect(checkDraft({ ...good, kernel }).problems).toEqual({});
});

test('a disk is named once and not left empty', () => {
  const disks = ['/a.img', '', '/a.img'].map((path) => ({ ...newDisk, path }));
  expect(checkDraft({ ...good, disks }).problems).toEqual({
    'disks.1.path': 'Choose the disk image, or remove this disk.',
    'disks.2.path': 'This image is already disk 1.',
  });
});

test.each([
  { kernel: '/k', initrd: '/i', commandLine: 'quiet' },
  { firmware: { code: '/usr/share/OVMF/OVMF_CODE_4M.fd' }, order: 'dc', menu: true },
])('a configuration survives the way through the form: booting by %j', (boot) => {
  const config = vmConfigSchema.parse({
    version: configVersion,
    id: '0e1d5b9e-8c7f-4d1a-9f0c-0a1b2c3d4e5f',
    createdAt: '2026-11-23T07:00:00Z',
    name: 'debian',
    memoryMiB: 512,
    boot,
    disks: [{ path: '/d.img', readOnly: true, format: 'qcow2', allowedFolders: ['/base'] }],
    cdroms: [{ path: '/a.iso', interface: 'ahci', port: 2 }, {}],
    floppies: [{ readOnly: true }],
    display: { card: 'virtio' },
    adapters: [],
  });
  const { version: _version, id: _id, createdAt: _createdAt, ...rest } = config;
  expect(checkDraft(draftOf(config)).vm).toEqual(rest);
});

test('a path is split in the way of its host', () => {
  expect(splitPath('/boot/vmlinuz')).toEqual({ folder: '/boot', name: 'vmlinuz' });
  expect(splitPath('/vmlinuz')).toEqual({ folder: '/', name: 'vmlinuz' });
  expect(splitPath('C:\\vmlinuz')).toEqual({ folder: 'C:\\', name: 'vmlinuz' });
});
