import type { CountedClock, HostClock } from '../bus/clock.ts';
import { SeededEntropy } from '../bus/entropy.ts';
import type { Device, Entropy, VersionedState } from '../bus/types.ts';
import { StateError } from '../bus/types.ts';
import type { MachineParts, MachineState } from './machine.ts';
import type { Vcpu } from '../vcpu/vcpu.ts';
import type { PcEngine } from './pcParts.ts';

/** Version of the whole; devices and CPUs have versions of their own. */
const version = 1;
const entropyKey = 'entropy';

export interface Stateful {
  readonly clock: HostClock | CountedClock;
  /** In the order of loading: sources of interrupts before the controllers they drive. */
  readonly devices: readonly Device[];
  readonly engine: PcEngine;
  readonly entropy: Entropy;
}

export const vcpusOf = ({ vcpu, threads }: Pick<PcEngine, 'vcpu' | 'threads'>): readonly Vcpu[] =>
  threads?.vcpus ?? [vcpu];

export function saveMachine(machine: Stateful): MachineState {
  // The live RAM is shared memory; a saved state is a plain copy.
  return { ...saveParts(machine), ram: Uint8Array.from(machine.engine.ram) };
}

export function saveParts({ clock, devices, engine, entropy }: Stateful): MachineParts {
  const states: Record<string, VersionedState> = {};
  for (const device of devices) states[device.id] = device.save();
  if (entropy instanceof SeededEntropy) {
    states[entropyKey] = { version: 1, data: { state: entropy.state } };
  }
  return {
    version,
    devices: states,
    cpus: vcpusOf(engine).map((vcpu) => vcpu.save()),
    timeNs: clock.nowNs(),
    wallMs: clock.wallMs(),
  };
}

/** Loads into a machine of the same specification; RAM that the state lacks is in place already. Throws StateError before anything is changed,
 * unless a device finds its own state damaged; the machine must not be run then. */
export function loadMachine(machine: Stateful, state: MachineParts & Partial<MachineState>): void {
  const { clock, devices, engine, entropy } = machine;
  if (state.version !== version) {
    throw new StateError(
      `The saved state has version ${state.version}; this build takes ${version}.`,
    );
  }
  const { ram = engine.ram } = state;
  if (ram.length !== engine.ram.length) {
    throw new StateError(
      `The saved state has ${ram.length / 2 ** 20} MiB of RAM, the machine ${engine.ram.length / 2 ** 20} MiB.`,
    );
  }
  const known = new Set([...devices.map(({ id }) => id), entropyKey]);
  const stranger = Object.keys(state.devices).find((id) => !known.has(id));
  const missing = devices.find(({ id }) => state.devices[id] === undefined);
  if (stranger !== undefined || missing !== undefined) {
    throw new StateError(
      stranger !== undefined
        ? `The saved state has a device "${stranger}" that this machine lacks.`
        : `The saved state lacks "${missing?.id ?? ''}", which this machine has.`,
    );
  }
  const vcpus = vcpusOf(engine);
  if (state.cpus.length !== vcpus.length)
    throw new StateError(
      `The saved state has ${state.cpus.length} CPUs, the machine ${vcpus.length}.`,
    );
  clock.setNs(state.timeNs, state.wallMs);
  if (ram !== engine.ram) engine.ram.set(ram);
  for (const device of devices) device.load(state.devices[device.id] as VersionedState);
  if (entropy instanceof SeededEntropy) {
    const saved = state.devices[entropyKey]?.data as { state?: number } | undefined;
    entropy.state = saved?.state ?? entropy.state;
  }
  // Last: wires that moved while devices were loaded have reached the CPU as interrupts.
  vcpus.forEach((vcpu, index) => vcpu.load(state.cpus[index] as VersionedState));
  // The CPU's instruction counter has changed under a clock that counts with it.
  clock.setNs(state.timeNs, state.wallMs);
}
