import { create } from 'zustand';
import type { Question } from '../components/ConfirmDialog.tsx';
import type { SettingsCategory } from '../features/vmForm/SettingsDialog.tsx';

type OpenDialog =
  | { readonly kind: 'newVm' }
  | { readonly kind: 'settings'; readonly vmId: string; readonly category: SettingsCategory }
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
