import { t } from '../../i18n/i18n.ts';
import { report } from '../notices/noticeStore.ts';

/** The machine that this window is for; undefined in the manager. The same bundle shows both. */
export function ownVmId(): string | undefined {
  return new URLSearchParams(globalThis.location?.search ?? '').get('vm') ?? undefined;
}

const opened = new Map<string, Window>();

/** A machine in a window of its own; the one that it has comes to the front. */
export function openVmWindow(vmId: string): void {
  const bridge = globalThis.guesthouse;
  if (bridge?.openVm) return bridge.openVm(vmId);
  const there = opened.get(vmId);
  if (there && !there.closed) return there.focus();
  // The pop-up is given this tab's session storage, and with it the access token.
  const made = window.open(
    `?vm=${encodeURIComponent(vmId)}`,
    '_blank',
    'popup,width=1088,height=880',
  );
  if (made) opened.set(vmId, made);
  else
    report(t('vmWindow.blocked'), {
      message: t('vmWindow.blockedText'),
      hint: t('vmWindow.blockedHint'),
    });
}

export function closeOwnWindow(): void {
  if (globalThis.guesthouse?.closeWindow) globalThis.guesthouse.closeWindow();
  else window.close();
}

/** Brings the manager's window to the front, or shows the manager in this one. */
export function showManager(): void {
  if (globalThis.guesthouse?.showManager) return globalThis.guesthouse.showManager();
  const opener = window.opener as Window | null;
  if (opener && !opener.closed) opener.focus();
  else window.location.assign(window.location.pathname);
}
