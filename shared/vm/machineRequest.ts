import type { KvmFinding } from './kvmFinding.ts';
import { z } from 'zod';
import type { Stroke } from '../input/typing.ts';
import { adapterSchema, generatedMac, macSchema, mostAdapters } from './network.ts';
import { bootSchema, firmwareSchema, vmConfigSchema, type VmConfig } from './config.ts';

/** How the kernel is entered: 'auto' prefers PVH where the image has it. */
export const bootProtocols = ['auto', 'bzImage', 'pvh'] as const;

/** Where machine time comes from. */
export const clocks = ['host', 'counted'] as const;

export const firmwareRequestSchema = firmwareSchema.extend({
  /** The VM's own file of UEFI variables, made from the template; without it they are forgotten at the end. */
  variables: z.string().min(1).optional(),
});
export type FirmwareRequest = z.infer<typeof firmwareRequestSchema>;

/** A machine to build from host files: what `run` and a VM process are given. */
export const machineRequestSchema = z.strictObject({
  memoryMiB: vmConfigSchema.shape.memoryMiB,
  cpus: z.int().min(1).max(8).default(1),
  cpuModel: vmConfigSchema.shape.cpuModel,
  engine: vmConfigSchema.shape.engine,
  cpuCap: vmConfigSchema.shape.cpuCap,
  boot: bootSchema.extend({
    protocol: z.enum(bootProtocols).default('auto'),
    firmware: firmwareRequestSchema.optional(),
  }),
  disks: vmConfigSchema.shape.disks,
  cdroms: vmConfigSchema.shape.cdroms,
  floppies: vmConfigSchema.shape.floppies,
  display: vmConfigSchema.shape.display,
  adapters: z
    .array(adapterSchema.extend({ mac: macSchema, capture: z.string().min(1).optional() }))
    .max(mostAdapters)
    .default([]),
  /** Port 0xf4 ends the machine with a value. */
  debugExit: z.boolean().default(false),
  /** 'counted': time advances with executed instructions and starts at a fixed date; runs repeat exactly. */
  clock: z.enum(clocks).default('host'),
  /** Absolute folder of a saved state to go on from; the machine then waits for `resume`. */
  state: z.string().min(1).optional(),
  /** Who uses the disks, for the message that others get while they are locked. */
  owner: z.string().max(200).optional(),
});
export type MachineRequest = z.infer<typeof machineRequestSchema>;

/** `variables`: the file for the VM's UEFI variables; `state`: the folder of its saved state, if it has one. */
export function machineRequestOf(
  config: VmConfig,
  variables: string,
  state?: string,
): MachineRequest {
  const { memoryMiB, cpus, cpuModel, engine, cpuCap } = config;
  const { boot, disks, cdroms, floppies, display } = config;
  const { firmware } = boot;
  const adapters = config.adapters.map((adapter, index) => ({
    ...adapter,
    mac: adapter.mac ?? generatedMac(`${config.id} ${index}`),
  }));
  return machineRequestSchema.parse({
    ...{ memoryMiB, cpus, cpuModel, engine, cpuCap, disks, cdroms, floppies, display },
    adapters,
    boot: { ...boot, ...(firmware === undefined ? {} : { firmware: { ...firmware, variables } }) },
    ...(state === undefined ? {} : { state }),
    owner: `the VM "${config.name}"`,
  });
}

/** `atSeconds`: wall-clock time since the start; at the end of the run without it. */
export interface TimedScreenshot {
  readonly path: string;
  readonly atSeconds?: number;
}

/** Keystrokes, each the keys pressed together; `atSeconds` as above, 0 by default. */
export interface TimedKeys {
  readonly strokes: readonly Stroke[];
  readonly atSeconds?: number;
}

/** How `guesthouse run` shows the machine that it runs. */
export interface RunOptions {
  readonly serial: 'stdio' | 'none';
  /** Wall-clock seconds until the run is ended with exit code 124. */
  readonly maxSeconds?: number;
  readonly screenshots: readonly TimedScreenshot[];
  readonly keys: readonly TimedKeys[];
  /** Print the text-mode screen to stdout at the end. */
  readonly screenText: boolean;
  /** Ends the run when a line of the text-mode screen contains this. */
  readonly untilScreen?: string;
  /** Print the engine's and devices' counters to stderr at the end. */
  readonly stats: boolean;
}

/** What emulator/host/run.ts exports: resolves with the exit code, rejects with UserError. */
export interface RunModule {
  runMachine(request: MachineRequest, options: RunOptions): Promise<number>;
  /** Tries the KVM engine with a tiny guest, some tenths of a second at most. */
  probeKvm(): Promise<KvmFinding>;
}
