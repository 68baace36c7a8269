/** A CPU on KVM with its memory, in the form in which a machine takes any engine. */
import { constants } from 'node:os';
import { UserError } from '../../../shared/services/errors.ts';
import type { DirectMemory } from '../../bus/directMemory.ts';
import type { VideoMemory } from '../../bus/videoMemory.ts';
import { EngineVideoMemory } from '../engineVideoMemory.ts';
import { createGuestMemory } from '../guestMemory.ts';
import { GuestRam } from '../guestRam.ts';
import type { WasmEngineRequest } from '../wasm/wasmEngine.ts';
import { HostCallError, type HostCalls } from './hostCalls.ts';
import { needed } from './kvmAbi.ts';
import { KvmCpu } from './kvmCpu.ts';
import { KvmVm } from './kvmVm.ts';

export interface KvmEngine {
  readonly vcpu: KvmCpu;
  readonly memory: GuestRam;
  readonly videoMemory: VideoMemory;
  readonly directMemory: DirectMemory;
  readonly ram: Uint8Array;
  instructionsRetired(): number;
  dispose(): void;
}

/** Throws UserError where KVM does not do it, RangeError if the host lacks the memory. */
export function createKvmEngine(
  calls: HostCalls,
  {
    memory: ramBytes,
    slots,
    videoMemory = 0,
    romMemory = 0,
    cpuModel,
    host,
  }: Omit<WasmEngineRequest, 'translate'>,
): KvmEngine {
  const guest = createGuestMemory(
    1,
    slots.map(({ start, size, ramOffset }) => ({ start, size, at: ramOffset })),
    videoMemory,
    romMemory,
  );
  const [first] = guest.slots;
  const [request] = slots;
  if (first === undefined || request === undefined) throw new Error('a machine needs memory');
  const ramStart = first.offset - request.ramOffset;
  let vm: KvmVm | undefined;
  try {
    vm = new KvmVm(calls, guest);
    const opened = vm;
    const missing = needed.find((name) => !opened.has(name));
    if (missing !== undefined)
      throw new HostCallError(`KVM_CAP_${missing}`, constants.errno.ENOSYS);
    const vcpu = new KvmCpu(opened, cpuModel, host);
    guest.onSlotsChanged = () => opened.slotsChanged();
    const ram = new Uint8Array(guest.memory.buffer, ramStart, ramBytes);
    const video = new EngineVideoMemory(guest, () => undefined);
    return {
      vcpu,
      memory: new GuestRam(guest, () => undefined),
      videoMemory: {
        bytes: video.bytes,
        map: (start, size, offset) => video.map(start, size, offset),
        markWritten: (offset, length) => video.markWritten(offset, length),
        takeWritten: (pages) => {
          opened.takeDirty();
          return video.takeWritten(pages);
        },
      },
      directMemory: {
        ram,
        rom: new Uint8Array(guest.memory.buffer, guest.rom.offset, romMemory),
        mapRam: (start, size, offset, readOnly) =>
          guest.mapSlot({ start, size, offset: ramStart + offset, readOnly }),
        mapRom: (start, size, offset) =>
          guest.mapSlot({ start, size, offset: guest.rom.offset + offset, readOnly: true }),
        codeChanged: () => undefined,
      },
      ram,
      instructionsRetired: () => vcpu.instructionsRetired(),
      dispose: () => {
        guest.onSlotsChanged = undefined;
        vcpu.dispose();
        opened.dispose();
      },
    };
  } catch (error) {
    vm?.dispose();
    if (!(error instanceof HostCallError)) throw error;
    throw new UserError(
      {
        code: 'unsupported',
        message: `The KVM engine cannot be used on this host: ${error.message}.`,
        hint: 'Choose the engine "translator"; "guesthouse doctor" says more.',
      },
      { cause: error },
    );
  }
}
