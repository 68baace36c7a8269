import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const script = fileURLToPath(new URL('main.js', import.meta.url));
let home: string;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'guesthouse-cli-'));
});
afterAll(() => rm(home, { recursive: true, force: true }));

interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function guesthouse(...args: string[]): Promise<Outcome> {
  return new Promise((resolve) => {
    const env = { ...process.env, GUESTHOUSE_HOME: home };
    execFile(process.execPath, [script, ...args], { env }, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr }),
    );
  });
}

describe('the guesthouse command', () => {
  it.each([
    [['run'], /--kernel/],
    [['run', '--kernel', '/no/such/kernel'], /\/no\/such\/kernel does not exist/],
    [['run', '--kernel', '/etc/passwd'], /not a kernel/],
    [['run', '--kernel', 'k', '--memory', 'much'], /--memory much/],
    [['run', '--kernel', 'k', '--disk', 'd,format=qed'], /qcow2/],
    [['run', '--kernel', 'k', '--cpus', '4'], /Several CPUs need hardware assistance/],
    [['run', '--kernel', 'k', '--engine', 'kvm', '--clock', 'counted'], /KVM engine.*counted/],
    [
      ['run', '--kernel', 'k', '--engine', 'kvm', '--cpu-model', 'guesthouse-v2'],
      /KVM.*--cpu-model host-like/,
    ],
    [
      ['create', 'x', '--kernel', '/k', '--engine', 'kvm', '--cpu-model', 'guesthouse-v2'],
      /KVM.*--cpu-model host-like/,
    ],
    [['run', '--kernel', 'k', '--cpu-model', 'x86-64-v3'], /translator lacks .*AVX2.*"kvm"/],
    [['run', '--kernel', 'k', '--cpu-model', 'host'], /processor of the host.*"kvm"/],
    [['run', '--kernel', 'k', '--memory', '8192'], /3584 MiB.*need KVM.*"kvm"/],
    [['engine', 'x', 'interpreter'], /Allowed choices are translator, kvm/],
    [['run', '--kernel', 'k', '--frobnicate'], /--frobnicate/],
    [['frobnicate'], /frobnicate/],
  ])('answers %j with exit code 64 and one line', async (args, line) => {
    const outcome = await guesthouse(...args);
    expect(outcome.stderr).toMatch(line);
    expect(outcome.stderr.trimEnd().split('\n')).toHaveLength(1);
    expect(outcome.code).toBe(64);
    expect(outcome.stdout).toBe('');
  });

  it('says which engines can be used here, and which of them "auto" takes', async () => {
    const { code, stdout } = await guesthouse('doctor', '--json');
    expect(code).toBe(0);
    const { kvm, auto } = JSON.parse(stdout) as {
      kvm: { usable: boolean; reason: string };
      auto: string;
    };
    expect(auto).toBe(kvm.usable ? 'kvm' : 'translator');
    const words = (await guesthouse('doctor')).stdout;
    expect(words).toMatch(/^translator +usable/m);
    expect(words).toMatch(kvm.usable ? /^kvm +usable: / : /^kvm +not usable: /m);
    // The kernel is not there: what "auto" has chosen was said before.
    const run = await guesthouse('run', '--kernel', '/no/such/kernel', '--engine', 'auto');
    expect(run.stderr).toMatch(
      kvm.usable ? /runs on KVM: / : /runs on the translator: .*\n.*does not exist/,
    );
  });

  it('attaches disks to a VM that is off, and detaches them by file and by number', async () => {
    const disks = ['a.img', 'b.img'].map((name) => join(home, name));
    for (const disk of disks) await writeFile(disk, new Uint8Array(4096));
    await guesthouse('create', 'plug', '--kernel', '/boot/vmlinuz');
    const attached = async (): Promise<unknown> => {
      const shown = await guesthouse('show', 'plug', '--json');
      return (JSON.parse(shown.stdout) as { config: { disks: unknown } }).config.disks;
    };
    expect((await guesthouse('attach', 'plug', disks[0]!)).stdout).toContain(disks[0]);
    expect((await guesthouse('attach', 'plug', `${disks[1]},if=ahci`, '--json')).code).toBe(0);
    expect(await attached()).toMatchObject([
      { path: disks[0], interface: 'virtio' },
      { path: disks[1], interface: 'ahci' },
    ]);
    expect((await guesthouse('attach', 'plug', '/no/such.img')).stderr).toMatch(/no\/such\.img/);
    expect((await guesthouse('detach', 'plug', 'disk3')).stderr).toMatch(/no disk disk3/);
    expect((await guesthouse('detach', 'plug', disks[0]!)).code).toBe(0);
    expect(await attached()).toMatchObject([{ path: disks[1] }]);
    expect((await guesthouse('detach', 'plug', 'disk1')).code).toBe(0);
    expect(await attached()).toEqual([]);
    await guesthouse('delete', 'plug');
  });

  it('creates, shows, modifies, lists and deletes a VM', async () => {
    const created = await guesthouse(
      ...['create', 'web', '--kernel', '/boot/vmlinuz', '--memory', '256'],
      ...['--append', 'console=ttyS0', '--disk', '/d.img,readonly'],
    );
    expect(created.code, created.stderr).toBe(0);
    await guesthouse('modify', 'WEB', '--description', 'kept', '--vga', 'none');
    await guesthouse('modify', 'WEB', '--initrd', '/initrd', '--no-disk');
    const shown = JSON.parse((await guesthouse('show', 'web', '--json')).stdout) as object;
    expect(shown).toMatchObject({
      state: 'poweredOff',
      config: {
        description: 'kept',
        display: { card: 'none' },
        memoryMiB: 256,
        boot: { kernel: '/boot/vmlinuz', initrd: '/initrd', commandLine: 'console=ttyS0' },
        disks: [],
      },
    });
    expect((await guesthouse('list')).stdout).toMatch(/web +Powered off/);
    expect((await guesthouse('pause', 'web')).stderr).toMatch(/not running/);
    expect((await guesthouse('delete', 'web')).code).toBe(0);
    expect(JSON.parse((await guesthouse('list', '--json')).stdout)).toEqual([]);
  });

  it('lists a VM from a newer version with the reason, and does not start it', async () => {
    await mkdir(join(home, 'vms', 'future'), { recursive: true });
    const file = join(home, 'vms', 'future', 'vm.json');
    await writeFile(file, '{"version": 99, "name": "Tomorrow"}');
    const list = await guesthouse('list');
    expect(list.stdout).toMatch(/Tomorrow +Unusable/);
    expect(list.stdout).toMatch(/newer Guesthouse/);
    const start = await guesthouse('start', 'Tomorrow');
    expect(start.code).toBe(1);
    expect(start.stderr).toMatch(/newer Guesthouse.*Update Guesthouse/);
    await rm(join(home, 'vms', 'future'), { recursive: true });
  });
});
