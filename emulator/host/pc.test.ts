import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { echoKernel, echoKernelKeys } from '../../test/framework/echoKernel.ts';
import type { CharacterBackend, CharacterReceiver } from '../backends/character.ts';
import type { Machine, MachineSpec } from '../machine/machine.ts';
import { createPc } from '../machine/pc.ts';
import type { PcParts } from '../machine/pcParts.ts';
import { tickKernel } from '../machine/testing/tickKernel.ts';
import { createWasmEngine } from '../vcpu/wasm/wasmEngine.ts';
import { loadCore } from './coreModule.ts';

let createEngine: PcParts['createEngine'];
beforeAll(async () => {
  const core = await loadCore();
  createEngine = (request) => createWasmEngine(core, request);
});

class Terminal implements CharacterBackend {
  text = '';
  receiver: CharacterReceiver | undefined;
  write(bytes: Uint8Array): void {
    this.text += String.fromCharCode(...bytes);
  }
  connect(receiver: CharacterReceiver): void {
    this.receiver = receiver;
  }
  type(code: number): void {
    this.receiver?.receive(Uint8Array.of(code));
  }
  async waitFor(text: string): Promise<void> {
    const end = Date.now() + 120_000;
    while (!this.text.includes(text)) {
      if (Date.now() > end) throw new Error(`no "${text}" in: ${this.text}`);
      await nextTurn();
    }
  }
}

const machines: Machine[] = [];
afterEach(async () => {
  for (const machine of machines.splice(0)) await machine.dispose();
});

const counted = { counted: { wallMs: Date.UTC(2026, 10, 23, 9, 0, 0) } } as const;

function build(kernel: Uint8Array, changes: Partial<MachineSpec> = {}) {
  const terminal = new Terminal();
  const machine = createPc(
    {
      memory: 32 << 20,
      cpus: 1,
      cpuModel: 'guesthouse-v2',
      engine: 'interpreter',
      boot: { kernel, commandLine: '' },
      drives: [],
      serial: [terminal],
      debugExit: true,
      time: 'host',
      ...changes,
    },
    { createEngine, yieldToEventLoop: () => nextTurn(), onHostFailure: () => undefined },
  );
  machines.push(machine);
  return { machine, terminal };
}

describe('a PC', () => {
  it('talks over COM1 and powers off by ACPI', async () => {
    const { machine, terminal } = build(echoKernel());
    machine.start();
    await terminal.waitFor('ready');
    for (const c of 'hi!') {
      terminal.type(c.charCodeAt(0));
      await terminal.waitFor(c);
    }
    expect(terminal.text).toBe('ready\r\nhi!');
    terminal.type(echoKernelKeys.powerOff);
    expect(await machine.ended).toEqual({ kind: 'powerOff' });
  });

  it('ends by the debug-exit port, and by a triple fault', async () => {
    for (const [key, kind] of [
      [echoKernelKeys.debugExit, 'debugExit'],
      [echoKernelKeys.tripleFault, 'tripleFault'],
    ] as const) {
      const { machine, terminal } = build(echoKernel());
      machine.start();
      await terminal.waitFor('ready');
      terminal.type(key);
      expect((await machine.ended).kind).toBe(kind);
    }
  });

  it('stands still while paused, and starts anew after a reset', async () => {
    const { machine, terminal } = build(echoKernel());
    machine.start();
    await terminal.waitFor('ready');
    await machine.pause();
    terminal.type(0x41);
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(terminal.text).toBe('ready\r\n');
    machine.resume();
    await terminal.waitFor('A');
    machine.reset();
    await terminal.waitFor('Aready');
    await machine.pause();
    machine.reset();
    await machine.pause();
    machine.resume();
    await terminal.waitFor('ready\r\nready');
  });

  it('survives pauses and resumes in quick succession', async () => {
    const { machine, terminal } = build(echoKernel());
    machine.start();
    const pauses = [machine.pause()];
    machine.resume();
    pauses.push(machine.pause());
    machine.resume();
    await Promise.all(pauses);
    await terminal.waitFor('ready');
    terminal.type(echoKernelKeys.powerOff);
    expect((await machine.ended).kind).toBe('powerOff');
  });

  it('keeps the pace of host time with the PIT, sleeping in HLT', async () => {
    const { machine, terminal } = build(tickKernel());
    const started = performance.now();
    machine.start();
    expect(await machine.ended).toEqual({ kind: 'powerOff' });
    const elapsed = performance.now() - started;
    expect(elapsed).toBeGreaterThan(195);
    // Generous: the host may be busy with other tests.
    expect(elapsed).toBeLessThan(10_000);
    expect(terminal.text).toMatch(/^[0-9a-f]{8} /);
    expect(machine.counters()['sleeps']).toBeGreaterThan(20);
  });

  it('repeats exactly when time is counted', async () => {
    const texts: string[] = [];
    for (let run = 0; run < 2; run++) {
      const { machine, terminal } = build(tickKernel(), { time: counted });
      machine.start();
      expect(await machine.ended).toEqual({ kind: 'powerOff' });
      texts.push(terminal.text);
    }
    expect(texts[0]).toBe(texts[1]);
    expect(texts[0]?.trim().split('\n').length).toBe(20);
  });

  it('goes on in a fresh machine from a saved state as if nothing had happened', async () => {
    const undisturbed = build(tickKernel(), { time: counted });
    undisturbed.machine.start();
    await undisturbed.machine.ended;

    const first = build(tickKernel(), { time: counted });
    first.machine.start();
    await first.terminal.waitFor('00000032'); // tick 50
    await first.machine.pause();
    const state = structuredClone(first.machine.save());
    const before = first.terminal.text;
    expect(before.length).toBeLessThan(undisturbed.terminal.text.length);

    const second = build(tickKernel(), { time: counted });
    second.machine.load(state);
    second.machine.start();
    expect(await second.machine.ended).toEqual({ kind: 'powerOff' });
    expect(before + second.terminal.text).toBe(undisturbed.terminal.text);
  });

  it('refuses a state of another machine', () => {
    const { machine } = build(tickKernel());
    const other = build(tickKernel(), { memory: 16 << 20 });
    expect(() => machine.load(other.machine.save())).toThrow(/16 MiB/);
    expect(() => machine.load({ ...machine.save(), version: 9 })).toThrow(/version 9/);
  });
});
