import { create } from 'zustand';
import type { VmSummary } from '../../shared/services/library.ts';
import type { DroppedFile } from '../features/media/droppedFile.ts';
import type { Question } from '../components/ConfirmDialog.tsx';
import type { VmDraft } from '../features/vmForm/vmDraft.ts';
import type { SettingsCategory } from '../features/vmForm/SettingsDialog.tsx';

type OpenDialog =
  | { readonly kind: 'newVm'; readonly draft?: Partial<VmDraft> }
  /** Files were dropped, onto a machine or beside all. */
  | {
      readonly kind: 'dropped';
      readonly files: readonly DroppedFile[];
      readonly vmId: string | undefined;
    }
  | { readonly kind: 'settings'; readonly vmId: string; readonly category: SettingsCategory }
  | {
      readonly kind: 'name';
      readonly title: string;
      readonly name: string;
      act(name: string): Promise<void>;
    }
  | {
      readonly kind: 'snapshot';
      readonly title: string;
      readonly action: string;
      readonly name: string;
      readonly description: string;
      act(text: { readonly name: string; readonly description: string }): void;
    }
  /** What becomes of a machine whose screen is closed. */
  | { readonly kind: 'close'; readonly vm: VmSummary }
  | { readonly kind: 'keys' }
  | { readonly kind: 'gallery' }
  | { readonly kind: 'import'; readonly path?: string }
  | { readonly kind: 'export'; readonly vm: VmSummary }
  | { readonly kind: 'clone'; readonly vm: VmSummary }
  | { readonly kind: 'delete'; readonly vms: readonly VmSummary[] }
  | { readonly kind: 'confirm'; readonly question: Question };

interface DialogStore {
  readonly dialog: OpenDialog | undefined;
  open(dialog: OpenDialog): void;
  close(): void;
}

/** The one dialog that is open. */
export const useDialogs = create<DialogStore>((set) => ({
  dialog: undefined,
  open: (dialog) => set({ dialog }),
  close: () => set({ dialog: undefined }),
}));
