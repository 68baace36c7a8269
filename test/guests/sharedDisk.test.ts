/** Two guests use one raw disk at the same time: what one writes the other reads, and answers. About 15 s. */
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

/** Pages of the disk: each guest writes to its own one and reads the other's, past its cache. */
const script = `
dmesg -n 1
put() { (echo "$2"; cat /dev/zero) | dd of=/dev/vda bs=4096 seek=$1 count=1 iflag=fullblock conv=fsync 2>/dev/null; }
get() {
  until [ -n "$text" ]; do
    echo 3 > /proc/sys/vm/drop_caches
    text=$(dd if=/dev/vda bs=4096 skip=$1 count=1 2>/dev/null | tr -d '\\0')
    [ -n "$text" ] || sleep 0.1
  done
}
case $(cat /proc/cmdline) in
  *asks*) put 8 "the question"; get 9; echo "HEARD $text";;
  *answers*) get 8; put 9 "an answer to $text"; echo "ANSWERED $text";;
esac
sleep 1000
`;

it('what one guest writes to a shared disk the other reads', async () => {
  const folder = await mkdtemp(path.join(os.tmpdir(), 'guesthouse-shared-disk-'));
  const home = await openHome({ GUESTHOUSE_HOME: path.join(folder, 'home') });
  const manager = new Manager(home, createHostService('server', home.folder), nodeVmStarter());
  try {
    const disk = path.join(folder, 'shared.img');
    await writeFile(disk, new Uint8Array(1 << 20));
    const kernel = await debianKernel('amd64');
    const modules = ['virtio_pci', 'virtio_blk'];
    const initrd = await busyboxInitramfs(kernel, { script, modules, unsigned: true });
    const create = async (name: string, shareable: boolean): Promise<string> => {
      const commandLine = `console=ttyS0 quiet tsc=reliable ${name}`;
      const { id } = await manager.library.create({
        ...{ name, memoryMiB: 256, boot: { kernel: kernel.image, initrd, commandLine } },
        disks: [{ path: disk, format: 'raw', shareable }],
      });
      return id;
    };
    const says = (id: string, text: string) =>
      expect
        .poll(async () => new TextDecoder().decode(await manager.session.attachSerial(id, 0)), {
          timeout: 200_000,
          interval: 100,
        })
        .toContain(text);
    const [asks, answers] = [await create('asks', true), await create('answers', true)];
    await Promise.all([manager.session.start(asks), manager.session.start(answers)]);
    await says(answers, 'ANSWERED the question');
    await says(asks, 'HEARD an answer to the question');
    // Each write was durable when it ended.
    const content = await readFile(disk, 'latin1');
    expect(content.slice(8 * 4096)).toMatch(/^the question\n\0/);
    expect(content.slice(9 * 4096)).toMatch(/^an answer to the question\n\0/);
    const third = await create('alone', false);
    await expect(manager.session.start(third)).rejects.toThrow(/shared\.img is in use by the VM/);
  } finally {
    await manager.close();
    await rm(folder, { recursive: true, force: true });
  }
});
