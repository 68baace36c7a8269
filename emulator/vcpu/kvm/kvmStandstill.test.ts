/** KVM keeps no interrupt that a reset would not take back. Where KVM cannot be used the engine says so. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import { SeededEntropy } from '../../bus/entropy.ts';
import { guestPhysical } from '../../bus/types.ts';
import { bareHost } from '../bareHost.ts';
import { createKvmEngine, type KvmEngine } from './kvmEngine.ts';
import { onHostWithKvm } from './testEngines.ts';

const ramBytes = 2 ** 20;
const ports = { round: 0xe9, interrupt: 0xea };
const vector = 0x40;

/**
 * Real mode, at 0x1000; the handler of the vector at 0x1100.
 *   sti; 1: out %al, $0xe9; jmp 1b
 *   handler: out %al, $0xea; iret
 */
const program = Buffer.from('fbe6e9ebfc', 'hex');
const handler = Buffer.from('e6eacf', 'hex');

let engine: KvmEngine | undefined;
let heard: number[];

beforeEach(async () => {
  heard = [];
  const request = {
    memory: ramBytes,
    slots: [{ start: 0, size: ramBytes, ramOffset: 0 }],
    cpuModel: 'host-like',
    entropy: new SeededEntropy(1),
    host: bareHost({
      portWrite: (port) => {
        heard.push(port);
        engine?.vcpu.requestExit();
      },
      acknowledgePic: () => {
        engine?.vcpu.setPicInterrupt(false);
        return vector;
      },
    }),
  } as const;
  engine = await onHostWithKvm((calls) => createKvmEngine(calls, request));
  if (engine === undefined) return;
  engine.memory.write(guestPhysical(0x1000), program);
  engine.memory.write(guestPhysical(0x1100), handler);
  engine.memory.writeU32(guestPhysical(4 * vector), 0x1100);
  engine.vcpu.setEntry({ mode: 'real16', cs: 0, rip: 0x1000, rsp: 0x7000 });
});
afterEach(() => {
  engine?.dispose();
  engine = undefined;
});

/** Until the next access to a port. */
function round({ vcpu }: KvmEngine): number | undefined {
  for (const before = heard.length; heard.length === before;)
    expect(vcpu.run(1_000_000).reason).toBe('budget');
  return heard.at(-1);
}

it('takes an interrupt that KVM was given before it stands still, and not after a reset', () => {
  if (engine === undefined) return;
  const { vcpu } = engine;
  expect(round(engine)).toBe(ports.round);
  vcpu.setPicInterrupt(true);
  // What a kick leaves that comes in front of KVM_RUN.
  vcpu.enter();
  expect(vcpu.settle()).toBe(true);
  expect(heard).toContain(ports.interrupt);
  heard.length = 0;
  vcpu.setEntry({ mode: 'real16', cs: 0, rip: 0x1000, rsp: 0x7000 });
  for (let rounds = 0; rounds < 5; rounds++) expect(round(engine)).toBe(ports.round);
});
