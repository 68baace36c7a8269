import { create } from 'zustand';

/** Counts the wishes that the console take the keyboard; the console on the page grants them. */
export const useConsoleFocus = create(() => ({ wish: 0, granted: 0 }));

export function focusConsole(): void {
  useConsoleFocus.setState(({ wish }) => ({ wish: wish + 1 }));
}

/** True once for each wish. */
export function grantConsoleFocus(): boolean {
  const { wish, granted } = useConsoleFocus.getState();
  if (wish === granted) return false;
  useConsoleFocus.setState({ granted: wish });
  return true;
}
