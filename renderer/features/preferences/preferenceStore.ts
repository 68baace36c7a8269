import { create } from 'zustand';
import type { Preferences } from '../../../shared/vm/preferences.ts';
import { chooseLanguage, chosenLanguage } from '../../i18n/i18n.ts';
import type { Connection } from '../../transport/connection.ts';
import { chooseHostKey } from '../screen/hostKey.ts';

/** Undefined until they were first received. */
export const usePreferences = create<{ readonly preferences: Preferences | undefined }>(() => ({
  preferences: undefined,
}));

/** Language and host key follow what the library says, in every window; the theme is applied by `useThemePreference`. */
export function followPreferences(connection: Connection): void {
  const receive = (preferences: Preferences) => {
    usePreferences.setState({ preferences });
    if (preferences.language !== chosenLanguage()) chooseLanguage(preferences.language);
    chooseHostKey(preferences.hostKey);
  };
  connection.events.on('preferencesChanged', receive);
  const load = () => {
    if (connection.state.kind === 'open')
      connection.preferences.get().then(receive, () => undefined);
  };
  connection.onState(load);
  load();
}
