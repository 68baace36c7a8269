/** Screens of every kind of mode, drawn by a bare-metal kernel, are those that QEMU shows. */
import { readFileSync } from 'node:fs';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { CharacterBackend, CharacterReceiver } from '../../../emulator/backends/character.ts';
import { loadCore } from '../../../emulator/host/coreModule.ts';
import { createPc } from '../../../emulator/machine/pc.ts';
import { createWasmEngine } from '../../../emulator/vcpu/wasm/wasmEngine.ts';
import {
  hasTools,
  screenCount,
  screensOfQemu,
  withScreenKernel,
  type Screen,
} from './screenKernel.ts';

class Line implements CharacterBackend {
  text = '';
  receiver: CharacterReceiver | undefined;
  write(bytes: Uint8Array): void {
    this.text += String.fromCharCode(...bytes);
  }
  connect(receiver: CharacterReceiver): void {
    this.receiver = receiver;
  }
  async next(): Promise<string> {
    while (!this.text.includes('\n')) await nextTurn();
    const end = this.text.indexOf('\n');
    const line = this.text.slice(0, end);
    this.text = this.text.slice(end + 1);
    return line;
  }
}

async function ourScreens(kernel: string): Promise<Screen[]> {
  const core = await loadCore();
  const line = new Line();
  const machine = createPc(
    {
      memory: 64 << 20,
      cpus: 1,
      cpuModel: 'guesthouse-v2',
      engine: 'translator',
      boot: { kernel: readFileSync(kernel), commandLine: '' },
      drives: [],
      display: { kind: 'std', memory: 16 << 20, preferredSize: { width: 1024, height: 768 } },
      serial: [line],
      debugExit: false,
      time: 'host',
    },
    {
      createEngine: (request) =>
        createWasmEngine(core, { ...request, translate: { after: 100, gather: 0 } }),
      yieldToEventLoop: () => nextTurn(),
      onHostFailure: () => undefined,
    },
  );
  machine.start();
  const screens: Screen[] = [];
  for (let n = 0; n < screenCount; n++) {
    const text = await line.next();
    const { width, height, pixels } = machine.display?.refresh() ?? { width: 0, height: 0 };
    const rgb = new Uint8Array(width * height * 3);
    pixels?.forEach((pixel, i) =>
      rgb.set([pixel & 0xff, (pixel >>> 8) & 0xff, (pixel >>> 16) & 0xff], i * 3),
    );
    screens.push({ line: text, width, height, rgb });
    line.receiver?.receive(Uint8Array.of(0x78));
  }
  await machine.dispose();
  return screens;
}

/** QEMU spreads five and six bits over eight in other ways: the upper five count. */
function firstDifference(a: Screen, b: Screen): string {
  if (a.width !== b.width || a.height !== b.height)
    return `${a.width}x${a.height} instead of ${b.width}x${b.height}`;
  const at = a.rgb.findIndex((value, i) => value >>> 3 !== (b.rgb[i] as number) >>> 3);
  if (at < 0) return '';
  const pixel = Math.floor(at / 3);
  const color = (s: Screen): string => s.rgb.subarray(pixel * 3, pixel * 3 + 3).join();
  return `at ${pixel % a.width},${Math.floor(pixel / a.width)}: ${color(a)} instead of ${color(b)}`;
}

describe.skipIf(!hasTools())('the screen', () => {
  it('shows in every mode what QEMU shows', async () => {
    await withScreenKernel(async (kernel, folder) => {
      const [ours, theirs] = [await ourScreens(kernel), await screensOfQemu(kernel, folder)];
      expect(ours.map(({ line }) => line)).toEqual(theirs.map(({ line }) => line));
      const differences = theirs.map((screen, n) => firstDifference(ours[n] as Screen, screen));
      expect(differences).toEqual(theirs.map(() => ''));
    });
  });
});
