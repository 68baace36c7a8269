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
