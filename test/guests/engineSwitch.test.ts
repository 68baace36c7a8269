/**
 * A guest of our own that moves between KVM and the translator while it computes and waits for interrupts. Where KVM cannot be used the
 * machine says so. Some ten seconds.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { buildMachine, type BuiltMachine } from '../../emulator/host/buildMachine.ts';
import { probeKvm } from '../../emulator/host/probeKvm.ts';
import type { MachineEnd } from '../../emulator/machine/machine.ts';
import type { EngineName } from '../../shared/vm/engines.ts';
import { machineRequestSchema } from '../../shared/vm/machineRequest.ts';

const rounds = 1000;
const steps = 300;

/*
 * A boot sector, GNU as. A lost interrupt of the PIT, which each round arms once, would let it wait for ever.
 *   start:   cli; xor %ax, %ax; mov %ax, %ds; mov %ax, %ss; mov $0x7000, %sp
 *            movw $0x7c00 + handler, 0x20; movw $0, 0x22; sti
 *            mov $1000, %bp; xor %esi, %esi; movw $0, 0x614; rdtsc; mov %eax, 0x600; mov %edx, 0x604
 *   round:   movb $0, 0x610; mov $0x30, %al; out %al, $0x43; mov $0xa9, %al; out %al, $0x40; mov $4, %al; out %al, $0x40
 *            mov $300, %ecx
 *   1:       add %ecx, %esi; rol $7, %esi; xor %ecx, %esi; dec %cx; jnz 1b
 *            rdtsc; cmp 0x604, %edx; jb back; ja 2f; cmp 0x600, %eax; jb back
 *   2:       mov %eax, 0x600; mov %edx, 0x604
 *   3:       cli; cmpb $0, 0x610; jne 4f; sti; hlt; jmp 3b
 *   4:       sti; mov %bp, %ax; out %al, $0xe9; dec %bp; jnz round
 *            mov $0x0e, %al; out %al, $0xe9; mov %esi, %eax; mov $4, %cx
 *   5:       out %al, $0xe9; ror $8, %eax; loop 5b
 *            mov 0x614, %ax; out %al, $0xe9; mov %ah, %al; out %al, $0xe9; mov $0x604, %dx; mov $0x2000, %ax; out %ax, %dx; jmp .
 *   back:    mov $1, %al; out %al, $0xf4; jmp .
 *   handler: push %ax; incw 0x614; movb $1, 0x610; mov $0x20, %al; out %al, $0x20; pop %ax; iret
 */
const program =
  'fa31c08ed88ed0bc0070c7062000ab7cc70622000000fbbde8036631f6c706140600000f3166a300066689160406c606100600b030e643b0a9e640b004e64066b92c0100006601ce66c1c6076631ce49' +
  '75f30f31663b160406724a7707663b060006724166a300066689160406fa803e1006007504fbf4ebf4fb89e8e6e94d75adb00ee6e96689f0b90400e6e966c1c808e2f8a11406e6e988e0e6e9ba0406b8' +
  '0020efebfeb001e6f4ebfe50ff061406c606100601b020e62058cf';

/** ESI behind the loops. */
function checksum(): number {
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
  readonly #end: () => MachineEnd | undefined;
  #wake: () => void = () => undefined;

  static async start(engine: EngineName, memoryMiB: number): Promise<Guest> {
    const request = machineRequestSchema.parse({
      ...{ memoryMiB, engine, cpuModel: 'host-like', debugExit: true },
      boot: { order: 'a' },
      floppies: [{ path: path.join(folder, 'floppy.img'), readOnly: true }],
      display: { card: 'none' },
    });
    const heard: number[] = [];
    let end: MachineEnd | undefined;
    const built = await buildMachine(request, {
      serial: [],
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
    const guest = new Guest(built, heard, () => end);
    void built.machine.ended.then((how) => {
      end = how;
      guest.#wake();
    });
    built.machine.start();
    return guest;
  }

  private constructor(built: BuiltMachine, heard: number[], end: () => MachineEnd | undefined) {
    this.built = built;
    this.#heard = heard;
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

  /** Runs to the end: the last byte of a round, the mark, the sum and the number of interrupts are as they must be. */
  async finish(): Promise<void> {
    await this.until(Infinity);
    expect(this.#end()).toEqual({ kind: 'powerOff' });
    const result = new DataView(Uint8Array.from(this.#heard.slice(-8)).buffer);
    expect([result.getUint8(0), result.getUint8(1)]).toEqual([1, 0x0e]);
    expect(result.getUint32(2, true)).toBe(checksum());
    // One of the BIOS's ticks may have been on its way.
    expect([rounds, rounds + 1]).toContain(result.getUint16(6, true));
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
    for (let round = 5; pauses.length < 100; round = guest.round + 5) {
      await guest.until(round);
      const to = other(engine.inUse.name);
      pauses.push((await engine.switchTo(machine, to)).pauseMs);
      expect(engine.inUse.name).toBe(to);
    }
    expect(guest.round).toBeLessThan(rounds);
    await guest.finish();
    const [median, longest] = [pauses.toSorted((a, b) => a - b)[50] ?? NaN, Math.max(...pauses)];
    process.stdout.write(`pauses: median ${median.toFixed(1)}, longest ${longest.toFixed(1)} ms\n`);
    expect(median).toBeLessThan(200);
  } finally {
    await close();
  }
});
