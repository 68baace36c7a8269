import type { Preferences, PreferenceChanges } from '../vm/preferences.ts';

export interface PreferenceEvents {
  preferencesChanged(preferences: Preferences): void;
}

/** What holds for the whole library. Every method rejects with UserError. */
export interface PreferenceService {
  get(): Promise<Preferences>;
  /** Null takes a preference back to what it is by default. */
  change(changes: PreferenceChanges): Promise<Preferences>;
}
