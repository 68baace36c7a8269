import { create } from 'zustand';

/** Counts the wishes that the screen take the keyboard; the screen on the page grants them. */
export const useScreenFocus = create(() => ({ wish: 0, granted: 0 }));

export function focusScreen(): void {
  useScreenFocus.setState(({ wish }) => ({ wish: wish + 1 }));
}

/** True once for each wish. */
export function grantScreenFocus(): boolean {
  const { wish, granted } = useScreenFocus.getState();
  if (wish === granted) return false;
  useScreenFocus.setState({ granted: wish });
  return true;
}
