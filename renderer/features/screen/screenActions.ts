import { create } from 'zustand';
import type { HostCommand } from './hostKey.ts';
import type { ScreenMode } from './screenLayout.ts';

/** How screens are shown; and what the screen on the page can do, for menus and indicators elsewhere. */
interface ScreenActions {
  readonly mode: ScreenMode;
  readonly actions:
    { command(command: HostCommand): void; paste(): void; readonly size: string } | undefined;
}

export const useScreenActions = create<ScreenActions>(() => ({ mode: 'fit', actions: undefined }));

export const setScreenMode = (mode: ScreenMode): void => useScreenActions.setState({ mode });
