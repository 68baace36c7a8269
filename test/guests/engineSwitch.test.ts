/**
 * A guest of our own that moves between KVM and the translator while it computes, copies on a disk, looks at the clock and waits for
 * interrupts, and whose states open on either. Where KVM cannot be used the machine says so. Some ten seconds.
 */
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { CharacterQueue } from '../../emulator/host/characterQueue.ts';
import { buildMachine, type BuiltMachine } from '../../emulator/host/buildMachine.ts';
import { saveMachineFiles } from '../../emulator/host/machineFiles.ts';
import { probeKvm } from '../../emulator/host/probeKvm.ts';
import type { MachineEnd } from '../../emulator/machine/machine.ts';
import type { EngineName } from '../../shared/vm/engines.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';

const steps = 300;
/** Each round copies the next of these sectors to as far behind them; behind the last one comes the first. */
const sectors = 1024;
const data = randomBytes(sectors * 512);

/*
 * A boot sector, GNU as. It goes on until its serial port has a byte. A lost interrupt of the PIT, which each round arms once, would let it
 * wait for ever; a clock that goes back ends it, as an error of the disk does.
 *   start:   cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7000, %sp
 *            movw $0x7c00 + handler, 0x20; movw $0, 0x22; sti
 *            xor %bp, %bp; xor %esi, %esi; movw $0, 0x614; rdtsc; mov %eax, 0x600; mov %edx, 0x604
 *   round:   movb $0, 0x610; mov $0x30, %al; out %al, $0x43; mov $0xa9, %al; out %al, $0x40; mov $4, %al; out %al, $0x40
 *            mov $300, %ecx
 *   1:       add %ecx, %esi; rol $7, %esi; xor %ecx, %esi; dec %cx; jnz 1b
 *            rdtsc; cmp 0x604, %edx; jb back; ja 2f; cmp 0x600, %eax; jb back
 *   2:       mov %eax, 0x600; mov %edx, 0x604
 *            mov %bp, %ax; and $1023, %ax; mov %ax, 0x7c00 + packet + 8
 *            pushal; mov $0x42, %ah; call disk; addw $1024, 0x7c00 + packet + 8; mov $0x4300, %ax; call disk; popal
 *   3:       cli; cmpb $0, 0x610; jne 4f; sti; hlt; jmp 3b
 *   4:       sti; out %al, $0xe9; inc %bp; mov $0x3fd, %dx; in %dx, %al; test $1, %al; jz round
 *            mov $0x0e, %al; out %al, $0xe9; mov %esi, %eax; mov $4, %cx
 *   5:       out %al, $0xe9; ror $8, %eax; loop 5b
 *            mov 0x614, %ax; out %al, $0xe9; mov %ah, %al; out %al, $0xe9
 *            mov %bp, %ax; out %al, $0xe9; mov %ah, %al; out %al, $0xe9; mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx; jmp .
 *   disk:    mov $0x7c00 + packet, %si; mov $0x80, %dl; int $0x13; jc back; ret
 *   back:    mov $1, %al; out %al, $0xf4; jmp .
 *   handler: push %ax; incw 0x614; movb $1, 0x610; mov $0x20, %al; out %al, $0x20; pop %ax; iret
 *   packet:  .word 16, 1, 0x1000, 0, 0, 0, 0, 0
 */
const program =
  'fa31c08ed88ed0bc0070c7062000dd7cc70622000000fb31ed6631f6c706140600000f3166a300066689160406c606100600b030e643b0a9e640b004e64066b92c0100006601ce66c1c6076631ce4975' +
  'f30f31663b160406727d7707663b060006727466a30006668916040689e825ff03a3f57c6660b442e852008106f57c0004b80043e846006661fa803e1006007504fbf4ebf4fbe6e945bafd03eca80174' +
  '8cb00ee6e96689f0b90400e6e966c1c808e2f8a11406e6e988e0e6e989e8e6e988e0e6e9ba0406b80020efebfebeed7cb280cd137201c3b001e6f4ebfe50ff061406c606100601b020e62058cf100001' +
  '00001000000000000000000000';

/** ESI behind so many rounds. */
function checksum(rounds: number): number {
  let sum = 0;
  for (let round = 0; round < rounds; round++)
    for (let n = steps; n > 0; n--) {
      sum = (sum + n) >>> 0;
      sum = (((sum << 7) | (sum >>> 25)) ^ n) >>> 0;
    }
  return sum;
}

let folder = '';
let usable = false;
beforeAll(async () => {
  folder = await mkdtemp(path.join(os.tmpdir(), 'engine-switch-'));
  const image = new Uint8Array(1440 * 1024);
  image.set(Buffer.from(program, 'hex'));
  image.set([0x55, 0xaa], 510);
  await writeFile(path.join(folder, 'floppy.img'), image);
  const { kind } = await probeKvm();
  usable = kind === 'ready' || kind === 'interpreted';
});
afterAll(() => rm(folder, { recursive: true, force: true }));

class Guest {
  readonly built: BuiltMachine;
  readonly #heard: number[];
  readonly #serial: CharacterQueue;
  readonly #end: () => MachineEnd | undefined;
  #wake: () => void = () => undefined;

  static async start(engine: EngineName, memoryMiB: number, state?: string): Promise<Guest> {
    if (state === undefined)
      await writeFile(
        path.join(folder, 'disk.img'),
        Buffer.concat([data, Buffer.alloc(data.length)]),
      );
    const request = machineRequestSchema.parse({
      ...{ memoryMiB, engine, cpuModel: 'host-like', state, debugExit: true },
      boot: { order: 'a' },
      floppies: [{ path: path.join(folder, 'floppy.img'), readOnly: true }],
      disks: [{ path: path.join(folder, 'disk.img'), format: 'raw' }],
      display: { card: 'none' },
    });
    const heard: number[] = [];
    const serial = new CharacterQueue(() => undefined);
    let end: MachineEnd | undefined;
    const built = await buildMachine(request, {
      serial: [serial],
      report: (line) => expect.fail(line),
      hostFailure: (message) => expect.fail(message),
      debugConsole: {
        write: (bytes) => {
          heard.push(...bytes);
          guest.#wake();
        },
        connect: () => undefined,
      },
    });
    const guest = new Guest(built, heard, serial, () => end);
    void built.machine.ended.then((how) => {
      end = how;
      guest.#wake();
    });
    built.machine.start();
    return guest;
  }

  private constructor(
    built: BuiltMachine,
    heard: number[],
    serial: CharacterQueue,
    end: () => MachineEnd | undefined,
  ) {
    this.built = built;
    this.#heard = heard;
    this.#serial = serial;
    this.#end = end;
  }

  /** Rounds done since the start. */
  get round(): number {
    return this.#heard.length;
  }

  async until(round: number): Promise<void> {
    while (this.round < round && this.#end() === undefined)
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
  }

  /** Lets it come to its end: the mark, the sum, the number of interrupts and the copy are as they must be. */
  async finish(): Promise<void> {
    this.#serial.send(Uint8Array.of(0));
    await this.until(Infinity);
    expect(this.#end()).toEqual({ kind: 'powerOff' });
    await this.built.close();
    const result = new DataView(Uint8Array.from(this.#heard.slice(-9)).buffer);
    const [mark, sum, interrupts, rounds] = [
      result.getUint8(0),
      result.getUint32(1, true),
      result.getUint16(5, true),
      result.getUint16(7, true),
    ];
    expect(mark).toBe(0x0e);
    expect(sum).toBe(checksum(rounds));
    // One of the BIOS's ticks may have been on its way.
    expect([rounds, rounds + 1]).toContain(interrupts);
    const disk = await readFile(path.join(folder, 'disk.img'));
    const length = Math.min(rounds, sectors) * 512;
    expect(disk.compare(data, 0, length, data.length, data.length + length)).toBe(0);
  }
}

const other = (name: EngineName): EngineName => (name === 'kvm' ? 'translator' : 'kvm');

it('moves a hundred times between KVM and the translator within a computation, with 1 GiB', async () => {
  if (!usable)
    return expect(Guest.start('kvm', 1024)).rejects.toThrow(
      /The KVM engine (cannot be used|needs)/,
    );
  const guest = await Guest.start('kvm', 1024);
  const { machine, engine, close } = guest.built;
  try {
    const pauses: number[] = [];
    while (pauses.length < 100) {
      await guest.until(guest.round + 2);
      const to = other(engine.inUse.name);
      pauses.push((await engine.switchTo(machine, to)).pauseMs);
      expect(engine.inUse.name).toBe(to);
    }
    await guest.finish();
    const [median, longest] = [pauses.toSorted((a, b) => a - b)[50] ?? NaN, Math.max(...pauses)];
    process.stdout.write(`pauses: median ${median.toFixed(1)}, longest ${longest.toFixed(1)} ms\n`);
    expect(median).toBeLessThan(200);
  } finally {
    await close();
  }
});

it('is saved on the one, and goes on from there on the other', async () => {
  if (!usable)
    return expect(Guest.start('kvm', 64)).rejects.toThrow(/The KVM engine (cannot be used|needs)/);
  let guest = await Guest.start('kvm', 64);
  try {
    for (const engine of ['kvm', 'translator'] as const) {
      await guest.until(100);
      const state = path.join(folder, engine);
      // It stands still, lest it comes to its end before RAM is copied.
      await guest.built.machine.pause();
      await saveMachineFiles(guest.built.machine, state, { goOn: false });
      guest.built.machine.resume();
      await guest.finish();
      guest = await Guest.start(other(engine), 64, state);
    }
    await guest.finish();
  } finally {
    await guest.built.close();
  }
});

it('goes on from a saved state with more memory than the translator can address, and stays on KVM', async () => {
  await expect(Guest.start('translator', 5120)).rejects.toThrow(/need KVM: .*32-bit addresses/);
  if (!usable)
    return expect(Guest.start('kvm', 5120)).rejects.toThrow(
      /The KVM engine (cannot be used|needs)/,
    );
  let guest = await Guest.start('kvm', 5120);
  try {
    await guest.until(100);
    const { machine, engine } = guest.built;
    await expect(engine.switchTo(machine, 'translator')).rejects.toThrow(/stays on KVM/);
    const state = path.join(folder, 'large');
    await machine.pause();
    await saveMachineFiles(machine, state, { goOn: false });
    machine.resume();
    await guest.finish();
    guest = await Guest.start('kvm', 5120, state);
    await guest.finish();
  } finally {
    await guest.built.close();
  }
});
