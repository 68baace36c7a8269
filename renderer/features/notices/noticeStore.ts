import { create } from 'zustand';
import { currentLanguage } from '../../i18n/i18n.ts';
import { translateMessage } from '../../i18n/translateMessage.ts';

/** Something that happened, why, and what to do about it. Stays until it is dismissed. */
export interface Notice {
  readonly id: number;
  readonly severity: 'error' | 'warning';
  /** What was being done: “Start debian”. */
  readonly title: string;
  readonly message: string;
  readonly hint?: string;
  readonly at: Date;
  /** How often the same came again before it was dismissed. */
  readonly times: number;
}

interface NoticeStore {
  readonly notices: readonly Notice[];
  add(notice: Pick<Notice, 'severity' | 'title' | 'message' | 'hint'>): void;
  dismiss(id: number): void;
  dismissAll(): void;
}

let lastId = 0;

export const useNotices = create<NoticeStore>((set) => ({
  notices: [],
  add: (notice) =>
    set(({ notices }) => {
      const same = notices.find(
        (other) => other.title === notice.title && other.message === notice.message,
      );
      const rest = notices.filter((other) => other !== same);
      const times = (same?.times ?? 0) + 1;
      return { notices: [{ ...notice, id: ++lastId, at: new Date(), times }, ...rest] };
    }),
  dismiss: (id) => set(({ notices }) => ({ notices: notices.filter((one) => one.id !== id) })),
  dismissAll: () => set({ notices: [] }),
}));

/** The parts of an error a person needs; whatever crossed the transport as a UserError has all. */
export function explain(error: unknown): { message: string; hint?: string } {
  const { message, hint } = (error ?? {}) as { message?: unknown; hint?: unknown };
  if (typeof message !== 'string') return { message: String(error) };
  const language = currentLanguage();
  const said = translateMessage(message, language);
  if (typeof hint !== 'string' || !hint) return { message: said };
  return { message: said, hint: translateMessage(hint, language) };
}

/** The same in one text, for beside what was asked for. */
export function explainInOne(error: unknown): string {
  const { message, hint } = explain(error);
  return [message, hint].filter(Boolean).join(' ');
}

/** Shows a failure; for use in catch. */
export function report(title: string, error: unknown): void {
  useNotices.getState().add({ severity: 'error', title, ...explain(error) });
}
