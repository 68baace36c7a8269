/** What a machine of a kind usually needs; a start for the form. */
import type { VmDraft } from './vmDraft.ts';

export type DraftNewDisk = VmDraft['newDisks'][number];

const disk = (interfaceName: DraftNewDisk['interface'], size: string): DraftNewDisk => ({
  ...{ size, format: 'qcow2', interface: interfaceName },
});

export const templates = {
  custom: {},
  linux: {
    memoryMiB: '2048',
    card: 'std',
    commandLine: '',
    newDisks: [disk('virtio', '20')],
    cdroms: [{ path: '', interface: 'ide' }],
    order: 'dc',
  },
  linuxServer: {
    memoryMiB: '1024',
    card: 'std',
    newDisks: [disk('virtio', '10')],
    cdroms: [{ path: '', interface: 'ide' }],
    order: 'dc',
  },
  old: {
    memoryMiB: '512',
    card: 'std',
    commandLine: '',
    newDisks: [disk('ide', '8')],
    cdroms: [{ path: '', interface: 'ide' }],
    floppies: [{ path: '', readOnly: false }],
    order: 'adc',
  },
} as const satisfies Record<string, Partial<VmDraft>>;
export type TemplateName = keyof typeof templates;
