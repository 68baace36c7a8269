import { describe, expect, it } from 'vitest';
import { busyboxInitramfs } from './busyboxInitramfs.ts';
import { debianKernel, type KernelFlavour } from './debianKernel.ts';
import { GuestConsole } from './guestConsole.ts';

/** Generous: CI machines are slow and two guests boot at a time. */
const bootSeconds = 480;

async function boot(
  flavour: KernelFlavour,
  protocol: string,
  engine: string,
): Promise<GuestConsole> {
  const kernel = await debianKernel(flavour);
  return new GuestConsole([
    ...['--kernel', kernel.image, '--initrd', await busyboxInitramfs(kernel)],
    ...['--append', 'console=ttyS0', '--boot-protocol', protocol, '--memory', '512'],
    ...['--engine', engine],
  ]);
}

/** Text that no healthy boot writes. */
const trouble =
  /WARNING:|BUG:|Oops|Call Trace|Kernel panic|unstable|soft lockup|RCU.*stall|nobody cared/i;

/** Kernel messages of level warning or worse that are as they should be. */
const knownWarnings: readonly RegExp[] = [
  // A 440FX has no MMCONFIG (PCI Express); QEMU's "pc" machine gets the same.
  /PNP0A03:00: fail to add MMCONFIG information/,
  // These tell of a host that let the vCPU wait: a busy CI machine.
  /APIC calibration not consistent with PM-Timer/,
  /hrtimer: interrupt took/,
  /clocksource: Long readout interval/,
];

describe.concurrent('Debian 12 boots unmodified to a shell', () => {
  const boots: [KernelFlavour, string, string][] = [
    ['cloud-amd64', 'pvh', 'interpreter'],
    ['cloud-amd64', 'bzImage', 'interpreter'],
    ['cloud-amd64', 'pvh', 'translator'],
    ['amd64', 'pvh', 'interpreter'],
    ['amd64', 'bzImage', 'interpreter'],
    ['686', 'auto', 'interpreter'],
    ['686', 'auto', 'translator'],
  ];
  it.each(boots)('%s by %s, %s', async (flavour, protocol, engine) => {
    const kernel = await debianKernel(flavour);
    await using guest = await boot(flavour, protocol, engine);
    await guest.waitForShell(bootSeconds);
    expect(await guest.run('uname -r')).toBe(kernel.release);
    expect(await guest.run('dmesg')).not.toMatch(trouble);
    // What the kernel itself writes to the console meanwhile has no level in front.
    const warnings = (await guest.run("dmesg -r | grep '^<[0-4]>' || true"))
      .split('\n')
      .filter((line) => /^<[0-4]>/.test(line));
    expect(warnings.filter((line) => !knownWarnings.some((one) => one.test(line)))).toEqual([]);
    expect(await guest.run('grep "model name" /proc/cpuinfo')).toContain('Guesthouse');
    const clock = await guest.run(
      'cat /sys/devices/system/clocksource/clocksource0/current_clocksource',
    );
    expect(clock).toBe('kvm-clock');
    // Time passes as on the host, to the second.
    const before = performance.now();
    await guest.run('sleep 2');
    expect(performance.now() - before).toBeGreaterThan(1900);
    guest.type('poweroff -f\n');
    expect(await guest.exited).toBe(0);
    expect(guest.output).not.toMatch(trouble);
  });
});
