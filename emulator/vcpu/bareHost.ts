import type { VcpuHost } from './vcpu.ts';

const ones = (width: 1 | 2 | 4): number => 2 ** (8 * width) - 1;

/** What surrounds a vCPU that runs a guest of our own without a machine: no device but what `served` has, the host's clocks. */
export const bareHost = (
  served: Partial<Omit<VcpuHost, 'endOfInterrupt' | 'nowNs' | 'wallMs'>> = {},
): VcpuHost => ({
  portRead: (_port, width) => ones(width),
  portWrite: () => undefined,
  memoryRead: (_address, width) => ones(width),
  memoryWrite: () => undefined,
  acknowledgePic: () => 0xff,
  endOfInterrupt: () => undefined,
  nowNs: () => performance.now() * 1e6,
  wallMs: () => Date.now(),
  ...served,
});
