import type { VmConfig } from '../../../shared/vm/config.ts';

export const cpuModelNames: Readonly<Record<VmConfig['cpuModel'], string>> = {
  'guesthouse-v2': 'Guesthouse (x86-64-v2)',
  'host-like': 'Like the host’s',
};

export const engineNames: Readonly<Record<VmConfig['engine'], string>> = {
  interpreter: 'Interpreter',
  translator: 'Translator',
  kvm: 'Hardware (KVM)',
};

export const graphicsCardNames: Readonly<Record<VmConfig['display']['card'], string>> = {
  std: 'VGA with Bochs VBE',
  virtio: 'Virtio GPU (VGA compatible)',
  none: 'None',
};
