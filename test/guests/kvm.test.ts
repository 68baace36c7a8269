/**
 * Guests of our own on the KVM engine and on the translator: the same console. Where KVM cannot be used, the command says so.
 * Needs root, for the host without permission and device. Half a minute while others used the machine.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { probeKvm } from '../../emulator/host/probeKvm.ts';
import { echoKernel, echoKernelKeys } from '../framework/echoKernel.ts';
import { GuestConsole } from './guestConsole.ts';

const cli = path.resolve(import.meta.dirname, '../../main/cli/main.js');
const engines = ['translator', 'kvm'] as const;
let folder = '';
let usable = false;

beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'kvm-guests-'));
  const { kind } = await probeKvm();
  usable = kind === 'ready' || kind === 'interpreted';
  await writeFile(path.join(folder, 'echo'), echoKernel());
  await writeFile(path.join(folder, 'floppy.img'), bootFloppy());
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/**
 * A boot sector that prints a line by INT 10h, waits in HLT until three ticks of the timer have come by the 8259, and powers off:
 *   sti; xor %ax, %ax; mov %ax, %ds; mov $0x7c40, %si
 *   1: lodsb; test %al, %al; jz 2f; mov $0xe, %ah; mov $7, %bx; int $0x10; jmp 1b
 *   2: mov $0, %ah; int $0x1a; mov %dx, %di; add $3, %di
 *   3: hlt; mov $0, %ah; int $0x1a; sub %di, %dx; js 3b
 *   mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx; jmp .
 */
function bootFloppy(): Uint8Array {
  const image = new Uint8Array(1440 * 1024);
  image.set(
    Buffer.from(
      'fb31c08ed8be407cac84c07409b40ebb0700cd10ebf2b400cd1a89d783c703f4b400cd1a29fa78f7ba0406b80020efebfe',
      'hex',
    ),
  );
  image.set(Buffer.from('The boot sector is here\0', 'latin1'), 0x40);
  image.set([0x55, 0xaa], 510);
  return image;
}

async function refused(args: readonly string[]): Promise<void> {
  await using guest = new GuestConsole(['--engine', 'kvm', ...args]);
  expect(await guest.exited).toBe(64);
  expect(guest.errors).toMatch(/The KVM engine (cannot be used|needs)/);
}

/** What a machine shows at its end, on each engine. */
async function screensOf(args: readonly string[]): Promise<string[]> {
  const screens: string[] = [];
  for (const engine of engines) {
    await using guest = new GuestConsole(['--engine', engine, ...args]);
    expect(await guest.exited, guest.errors).toBe(0);
    screens.push(guest.output);
  }
  return screens;
}

it('boots a floppy by our BIOS, with timer interrupts by the 8259, to the same screen', async () => {
  const args = [
    '--floppy',
    path.join(folder, 'floppy.img'),
    '--screen-text',
    '--max-seconds',
    '100',
  ];
  if (!usable) return refused(args);
  const screens = await screensOf(args);
  expect(screens[0]).toContain('The boot sector is here');
  expect(screens[1]).toBe(screens[0]);
});

it("comes by GRUB's boot sector, its core's decompression and protected mode to the same prompt", async () => {
  const image = path.join(folder, 'grub.img');
  const core = path.join(folder, 'core.img');
  const made = spawnSync('grub-mkimage', [
    ...['-O', 'i386-pc', '-p', '/boot', '-C', 'none', '-o', core, 'biosdisk'],
  ]);
  expect(made.status, String(made.stderr)).toBe(0);
  const parts = [await readFile('/usr/lib/grub/i386-pc/boot.img'), await readFile(core)];
  const floppy = new Uint8Array(1440 * 1024);
  floppy.set(Buffer.concat(parts));
  await writeFile(image, floppy);
  const args = [
    ...['--floppy', `${image},readonly`, '--until-screen', 'grub rescue>', '--screen-text'],
    ...['--max-seconds', '280'],
  ];
  if (!usable) return refused(args);
  const screens = await screensOf(args);
  expect(screens[0]).toMatch(/GRUB loading[^]*Welcome to GRUB![^]*unknown filesystem/);
  expect(screens[1]).toBe(screens[0]);
});

it('runs a 32-bit kernel that echoes its serial port, and ends it in each of its three ways', async () => {
  const args = ['--kernel', path.join(folder, 'echo'), '--debug-exit', '--max-seconds', '100'];
  if (!usable) return refused(args);
  const { powerOff, debugExit, tripleFault } = echoKernelKeys;
  const runs = [
    ['translator', powerOff, 0],
    ['kvm', powerOff, 0],
    ['kvm', debugExit, 7],
    ['kvm', tripleFault, 70],
  ] as const;
  for (const [engine, key, code] of runs) {
    await using guest = new GuestConsole(['--engine', engine, ...args]);
    await guest.waitFor('ready', 60);
    guest.type('hello');
    await guest.waitFor('hello', 60);
    guest.type(String.fromCharCode(key));
    expect([await guest.exited, guest.output]).toEqual([code, 'ready\nhello']);
  }
});

/** A command that runs what follows it with a /dev of its own. */
function inNamespace(prepare: string, through: string): string[] {
  const script = `mount -t tmpfs none /dev && ${prepare} && exec ${through} "$@"`;
  return ['unshare', '-m', 'sh', '-c', script, 'sh'];
}

const withoutKvm: [name: string, through: string[], reason: RegExp, remedy: RegExp][] = [
  [
    'without permission',
    // Root without its power over others' files, so that the project may lie where only root reads.
    inNamespace(
      'mknod -m 600 /dev/kvm c 10 232 && chown 65534 /dev/kvm',
      'setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search',
    ),
    /may not open/,
    /usermod -aG/,
  ],
  ['without the device', inNamespace('true', ''), /no \/dev\/kvm/, /what to do/],
];
// A host whose KVM is of use has none of this.
if (existsSync('/sys/module/kvm_pvm'))
  withoutKvm.push(['where kvm_pvm interprets guests', ['env'], /kvm_pvm/, /kvm_intel or kvm_amd/]);
it.each(withoutKvm)(
  '%s runs on the translator by "auto", and doctor says why',
  async (_, through, reason, remedy) => {
    const [program, ...line] = through as [string, ...string[]];
    const run = (...args: string[]) =>
      spawnSync(program, [...line, process.execPath, cli, ...args], {
        encoding: 'utf8',
        env: { ...process.env, HOME: folder },
      });
    const doctor = run('doctor').stdout;
    expect(doctor).toMatch(reason);
    expect(doctor).toMatch(remedy);
    expect(doctor).toMatch(/^auto +takes translator$/m);
    const image = path.join(folder, 'floppy.img');
    const { status, stdout, stderr } = run(
      ...['run', '--engine', 'auto', '--floppy', `${image},readonly`, '--screen-text'],
      ...['--serial', 'none', '--max-seconds', '250'],
    );
    expect(status, stderr).toBe(0);
    expect(stderr).toMatch(/runs on the translator: /);
    expect(stdout).toContain('The boot sector is here');
  },
);
