/** Linux finds SATA disks that are plugged in while it runs, uses them, and notices that they have gone. About 30 s. */
import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { createHostService } from '../../main/manager/hostService.ts';
import { openHome } from '../../main/manager/home.ts';
import { Manager } from '../../main/manager/manager.ts';
import { nodeVmStarter } from '../../main/manager/nodeVmStarter.ts';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel } from './debianKernel.ts';

const mark = 'written by the guest';
const script = `
dmesg -n 1
wait_for() { until [ -e /sys/block/sda ]; do sleep 1; done; until [ -b /dev/sda ]; do sleep 1; done; }
wait_for
echo "FIRST $(sha256sum < /dev/sda)"
(echo "${mark}"; cat /dev/zero) | dd of=/dev/sda bs=4096 count=1 iflag=fullblock 2>/dev/null
sync
echo "WRITTEN"
while [ -e /sys/block/sda ]; do sleep 1; done
echo "GONE"
wait_for
echo "SECOND $(sha256sum < /dev/sda)"
# Its end would power it off.
while :; do sleep 60; done
`;

it('Linux takes SATA disks that come and go while it runs', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-plug-'));
  const home = await openHome({ GUESTHOUSE_HOME: path.join(folder, 'home') });
  const manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
  try {
    const disk = async (name: string, kib: number): Promise<[path: string, sum: string]> => {
      const bytes = randomBytes(kib << 10);
      const file = path.join(folder, name);
      await writeFile(file, bytes);
      return [file, createHash('sha256').update(bytes).digest('hex')];
    };
    const [first, second] = [await disk('first.img', 3000), await disk('second.img', 5000)];
    const kernel = await debianKernel('amd64');
    const modules = ['ahci', 'sd_mod', 'sr_mod', 'virtio_pci', 'virtio_blk'];
    const initrd = await busyboxInitramfs(kernel, { script, modules, unsigned: true });
    const boot = { kernel: kernel.image, initrd, commandLine: 'console=ttyS0 quiet tsc=reliable' };
    const [system] = await disk('system.img', 1000);
    const { id } = await manager.library.create({
      ...{ name: 'plug', memoryMiB: 256, boot },
      disks: [{ path: system, format: 'raw' }],
      cdroms: [{ interface: 'ahci' }],
    });
    const says = (text: string, timeout = 200_000) =>
      expect
        .poll(async () => new TextDecoder().decode(await manager.session.attachSerial(id, 0)), {
          timeout,
          interval: 100,
        })
        .toContain(text);
    const drives = async () => {
      const { disks, cdroms } = await manager.library.get(id);
      return [...disks, ...cdroms].map(({ interface: where, port }) => [where, port]);
    };
    await manager.session.start(id);
    const sata = (file: string) => ({
      path: file,
      format: 'raw' as const,
      interface: 'ahci' as const,
    });
    await expect(
      manager.session.attachDisk(id, { ...sata(first[0]), interface: 'virtio' }),
    ).rejects.toMatchObject({ code: 'sata-only' });
    await expect(
      manager.session.attachDisk(id, sata(path.join(folder, 'none.img'))),
    ).rejects.toThrow(/none\.img/);
    await manager.session.attachDisk(id, sata(first[0]));
    // The CD-ROM drive stays where it is, at this start and the next.
    expect(await drives()).toEqual([['virtio', undefined], ['ahci', 1], ['ahci', 0]]); // prettier-ignore
    await says(`FIRST ${first[1]}`);
    await says('WRITTEN');
    await expect(manager.session.detachDisk(id, 0)).rejects.toMatchObject({ code: 'sata-only' });
    const { id: plugged } = await manager.snapshots.take(id, { name: 'plugged' });
    await manager.session.detachDisk(id, 1);
    expect(await drives()).toEqual([['virtio', undefined], ['ahci', 0]]); // prettier-ignore
    // It is let go of, with everything in it.
    expect((await readFile(first[0])).subarray(0, mark.length).toString()).toBe(mark);
    await says('GONE');
    await manager.session.attachDisk(id, sata(second[0]));
    await says(`SECOND ${second[1]}`);
    // Back in the snapshot the first one is there again, and can be pulled out.
    await manager.session.stop(id, 'powerOff');
    await manager.snapshots.restore(id, plugged);
    expect(await drives()).toEqual([['virtio', undefined], ['ahci', 1], ['ahci', 0]]); // prettier-ignore
    await manager.session.start(id);
    await expect(says('GONE', 2000)).rejects.toThrow();
    await manager.session.detachDisk(id, 1);
    await says('GONE');
  } finally {
    await manager.close();
    await rm(folder, { recursive: true, force: true });
  }
});
