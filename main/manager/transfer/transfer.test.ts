/** VMs out to files and in again, and files as other programs write them, with qemu-img as the judge of their disks. */
import { execFileSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { qemuCompare, qemuImg, run } from '../../../test/framework/storage/qemuImg.ts';
import type { Task } from '../../../shared/services/tasks.ts';
import { createHostService } from '../hostService.ts';
import { openHome } from '../home.ts';
import { Manager } from '../manager.ts';
import { nodeVmStarter } from '../nodeVmStarter.ts';
import { readHistory, writeHistory } from '../snapshotHistory.ts';

const MiB = 1 << 20;
let folder: string;
let manager: Manager;
beforeEach(async () => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'guesthouse-transfer-'));
  const home = await openHome({ GUESTHOUSE_HOME: path.join(folder, 'home') });
  manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
});
afterEach(async () => {
  await manager.close();
  rmSync(folder, { recursive: true, force: true });
});
const file = (name: string): string => path.join(folder, name);

async function ended({ id }: Task): Promise<Task> {
  for (;;) {
    const task = (await manager.tasks.list()).find((one) => one.id === id)!;
    if (task.state === 'failed') throw new Error(task.error?.message);
    if (task.state !== 'running') return task;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function makeDisk(name = 'disk.img'): string {
  const content = Buffer.alloc(8 * MiB);
  randomBytes(MiB).copy(content, 3 * MiB);
  writeFileSync(file(name), content);
  return file(name);
}

async function makeVm(): Promise<{ id: string; disk: string }> {
  const disk = makeDisk();
  const { id } = await manager.library.create({
    ...{ name: 'web & "mail"', description: 'Notes <here>', memoryMiB: 512, boot: {} },
    disks: [{ path: disk, format: 'raw', interface: 'ahci' }],
    cdroms: [{ interface: 'ide' }],
    adapters: [{ model: 'e1000' }],
  });
  return { id, disk };
}

describe.for(['ova', 'ovf'] as const)('an appliance (.%s)', (kind) => {
  test('is written and read again with the same machine and disk', async () => {
    const { id, disk } = await makeVm();
    const target = file(`out.${kind}`);
    await ended(await manager.transfer.export(id, target));
    expect(readdirSync(folder).filter((name) => name.includes('.export-'))).toEqual([]);
    const unpacked = kind === 'ova' ? file('unpacked') : folder;
    if (kind === 'ova') {
      mkdirSync(unpacked);
      run('tar', '-xf', target, '-C', unpacked);
      expect(execFileSync('tar', ['-tf', target], { encoding: 'utf8' }).split('\n')[0]).toBe(
        'out.ovf',
      );
    }
    // Others can check and read it.
    const manifest = readFileSync(path.join(unpacked, 'out.mf'), 'utf8');
    const vmdk = path.join(unpacked, 'out-disk1.vmdk');
    const digest = createHash('sha256').update(readFileSync(vmdk)).digest('hex');
    expect(manifest).toContain(`SHA256(out-disk1.vmdk)= ${digest}`);
    qemuImg('check', vmdk);
    qemuCompare(vmdk, 'vmdk', disk);
    expect(qemuImg('info', vmdk)).toContain('streamOptimized');

    expect(await manager.transfer.preview(target)).toMatchObject({
      ...{
        kind,
        name: 'web & "mail"',
        memoryMiB: 512,
        cpus: 1,
        disks: 1,
        size: 8 * MiB,
        notes: [],
      },
    });
    const { vmId } = await ended(await manager.transfer.import(target, {}));
    const vm = await manager.library.get(vmId!);
    expect(vm).toMatchObject({
      ...{ name: 'web & "mail" 2', description: 'Notes <here>', memoryMiB: 512 },
      disks: [{ interface: 'ahci', format: 'qcow2' }],
      cdroms: [{ interface: 'ide' }],
      adapters: [{ model: 'e1000' }],
    });
    qemuCompare(vm.disks[0]!.path, 'qcow2', disk);
  });

  test('that was changed on the way is refused, and nothing stays of it', async () => {
    const { id } = await makeVm();
    const target = file(`out.${kind}`);
    await ended(await manager.transfer.export(id, target));
    const where = kind === 'ova' ? target : file('out-disk1.vmdk');
    const bytes = readFileSync(where);
    const at = Math.floor(bytes.length / 2);
    bytes[at] = (bytes[at] as number) ^ 0xff;
    writeFileSync(where, bytes);
    await expect(ended(await manager.transfer.import(target, {}))).rejects.toThrow('manifest');
    expect(readdirSync(file('home/disks'))).toEqual([]);
    expect(await manager.library.list()).toHaveLength(1);
  });
});

test('an export overwrites nothing, and a cancelled one leaves nothing', async () => {
  const { id } = await makeVm();
  writeFileSync(file('there.ova'), 'mine');
  await expect(manager.transfer.export(id, file('there.ova'))).rejects.toMatchObject({
    code: 'exists',
  });
  await expect(manager.transfer.export(id, file('x.zip'))).rejects.toMatchObject({
    code: 'transfer-kind',
  });
  const task = await manager.transfer.export(id, file('out.ova'));
  await manager.tasks.cancel(task.id);
  expect((await ended(task)).state).toBe('cancelled');
  expect(readdirSync(folder).sort()).toEqual(['disk.img', 'home', 'there.ova']);
});

test('a bundle holds the disks, the firmware variables and the saved state, which goes with the new disks', async () => {
  const { id, disk } = await makeVm();
  const vmFolder = file(`home/vms/${id}`);
  writeFileSync(path.join(vmFolder, 'firmware-variables.fd'), 'variables');
  const state = path.join(vmFolder, 'saved/one');
  mkdirSync(state, { recursive: true });
  const ram = Buffer.alloc(16 * MiB);
  randomBytes(MiB).copy(ram, 5 * MiB + 4096);
  writeFileSync(path.join(state, 'ram'), ram);
  // What has changed since: three pages, of which one is zero now.
  const changed = Buffer.alloc(16 * MiB);
  randomBytes(8192).copy(changed, 6 * MiB);
  writeFileSync(path.join(state, 'ram.1'), changed);
  const pages = Buffer.alloc(512);
  const first = 5 * 256 + 1;
  pages[first >> 3] = 1 << (first & 7);
  pages[(6 * 256) >> 3] = 3;
  writeFileSync(path.join(state, 'ram.1.pages'), pages);
  changed.copy(ram, 6 * MiB, 6 * MiB, 6 * MiB + 8192);
  ram.fill(0, first * 4096, (first + 1) * 4096);
  writeFileSync(path.join(state, 'machine'), 'devices');
  writeFileSync(path.join(state, 'screenshot.png'), 'picture');
  await writeHistory(vmFolder, {
    ...(await readHistory(vmFolder)),
    saved: { folder: 'saved/one', disks: [disk] },
  });

  const target = file('out.guesthouse');
  await ended(await manager.transfer.export(id, target));
  const preview = await manager.transfer.preview(target);
  expect(preview).toMatchObject({ kind: 'bundle', disks: 1 });
  expect(Buffer.from(preview.screenshot!).toString()).toBe('picture');
  // What an import left behind that was killed goes with the next one; another's stays.
  const leftover = (pid: number): string => file(`home/disks/.import-${pid}-left`);
  for (const pid of [2 ** 30, process.pid])
    mkdirSync(path.join(leftover(pid), 'part'), { recursive: true });
  const { vmId } = await ended(await manager.transfer.import(target, { name: 'other' }));
  expect([2 ** 30, process.pid].map((pid) => existsSync(leftover(pid)))).toEqual([false, true]);
  const vm = await manager.library.get(vmId!);
  qemuCompare(vm.disks[0]!.path, 'qcow2', disk);
  const folderOf = file(`home/vms/${vmId}`);
  expect(readFileSync(path.join(folderOf, 'firmware-variables.fd'), 'utf8')).toBe('variables');
  const { saved } = await readHistory(folderOf);
  expect(saved?.disks).toEqual([vm.disks[0]!.path]);
  const copy = path.join(folderOf, saved!.folder);
  expect(readFileSync(path.join(copy, 'ram')).equals(ram)).toBe(true);
  expect(readFileSync(path.join(copy, 'machine'), 'utf8')).toBe('devices');
  expect(readFileSync(path.join(copy, 'screenshot.png'), 'utf8')).toBe('picture');
  expect(await manager.snapshots.hasState(vmId!)).toBe(true);
});

test('a machine of VirtualBox is imported with the disks that it has now, differencing ones flattened', async () => {
  const machine = file('box');
  mkdirSync(path.join(machine, 'Snapshots'), { recursive: true });
  const raw = makeDisk('wanted');
  const vdi = path.join(machine, 'disk.vdi');
  qemuImg('convert', '-f', 'raw', '-O', 'vdi', raw, vdi);
  const { createDisk } = await import('../../../emulator/host/diskTool.ts');
  const base = { path: vdi, format: 'vdi', allowedFolders: [] } as const;
  const top = path.join(machine, 'Snapshots/{0d1e}.vdi');
  await createDisk({ path: top, format: 'vdi', backing: base });
  const vbox = path.join(machine, 'box.vbox');
  const disc = (location: string): string => `<?xml version="1.0"?>
<VirtualBox xmlns="http://www.virtualbox.org/" version="1.19-linux">
 <Machine uuid="{11111111-1111-4111-8111-111111111111}" name="Old box" OSType="Debian_64">
  <Description>From VirtualBox</Description>
  <MediaRegistry><HardDisks>
   <HardDisk uuid="{a}" location="${location}" format="VDI" type="Normal">
    <HardDisk uuid="{b}" location="Snapshots/{0d1e}.vdi" format="VDI"/>
   </HardDisk></HardDisks></MediaRegistry>
  <Hardware>
   <CPU count="4"/><Memory RAMSize="2048"/>
   <Network>
    <Adapter slot="0" enabled="true" MACAddress="080027AABBCC" type="82540EM"><NAT/></Adapter>
    <Adapter slot="1" type="virtio"/>
   </Network>
   <StorageControllers>
    <StorageController name="IDE" type="PIIX4"><AttachedDevice type="DVD" port="1" device="0"/></StorageController>
    <StorageController name="SATA" type="AHCI">
     <AttachedDevice type="HardDisk" port="0" device="0"><Image uuid="{b}"/></AttachedDevice>
    </StorageController>
   </StorageControllers>
  </Hardware>
 </Machine>
</VirtualBox>`;
  writeFileSync(vbox, disc('disk.vdi'));
  expect((await manager.transfer.preview(vbox)).notes).toEqual(['It gets 1 CPU instead of 4.']);
  const { vmId } = await ended(await manager.transfer.import(vbox, {}));
  const vm = await manager.library.get(vmId!);
  expect(vm).toMatchObject({
    ...{ name: 'Old box', description: 'From VirtualBox', memoryMiB: 2048, cpus: 1 },
    disks: [{ interface: 'ahci' }],
    cdroms: [{ interface: 'ide' }],
    adapters: [{ model: 'e1000', mac: '08:00:27:aa:bb:cc' }],
  });
  qemuCompare(vm.disks[0]!.path, 'qcow2', raw);
  // It may not lead to what lies elsewhere.
  writeFileSync(vbox, disc('disk.vdi').replace('Snapshots/{0d1e}.vdi', '/etc/passwd'));
  await expect(manager.transfer.import(vbox, {})).rejects.toMatchObject({ code: 'not-allowed' });
});

test.for([
  ['no XML', 'x.ovf', 'hello'],
  ['a document type', 'x.ovf', '<!DOCTYPE a [<!ENTITY b "c">]><Envelope/>'],
  ['no machine', 'x.ovf', '<Envelope/>'],
  ['an empty file', 'x.ova', ''],
  ['no archive', 'x.ova', 'x'.repeat(2000)],
  ['no bundle', 'x.guesthouse', 'x'.repeat(2000)],
  ['another kind of XML', 'x.vbox', '<html/>'],
] as const)('%s is refused with its name (%s)', async ([, name, content]) => {
  writeFileSync(file(name), content);
  await expect(manager.transfer.preview(file(name))).rejects.toMatchObject({
    code: 'import-unusable',
  });
  await expect(manager.transfer.import(file(name), {})).rejects.toThrow(file(name));
  expect(existsSync(file('home/disks'))).toBe(false);
});
