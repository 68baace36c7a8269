import type { Machine, MachineSpec } from './machine.ts';
import type { PcParts } from './pcParts.ts';

/** Builds a PC; throws KernelImageError for a kernel it cannot load. */
export declare function createPc(spec: MachineSpec, parts: PcParts): Machine;
