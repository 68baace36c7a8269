import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import LinearProgress from '@mui/material/LinearProgress';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState, type FormEvent, type ReactNode } from 'react';
import {
  hostKeyCodes,
  preferencesSchema,
  type Preferences,
  type PreferenceChanges,
} from '../../../shared/vm/preferences.ts';
import { languageNames, languages, t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain, report } from '../notices/noticeStore.ts';
import { defaultHostKeyName } from '../screen/hostKey.ts';
import { EnginesSection } from './EnginesSection.tsx';
import { usePreferences } from './preferenceStore.ts';

/** What holds for the whole library. Choices count at once; what is typed counts when it is saved. */
export function PreferencesPage() {
  const preferences = usePreferences((store) => store.preferences);
  const { preferences: service } = useConnection();
  if (!preferences) return <LinearProgress aria-label={t('preferences.loading')} />;
  const change = (changes: PreferenceChanges) =>
    void service.change(changes).catch((error: unknown) => report(t('preferences.failed'), error));
  return (
    <Box sx={{ flex: 1, minHeight: 0, overflowY: 'auto', p: 3 }}>
      <Typography variant="h1" sx={{ mb: 2 }}>
        {t('preferences.title')}
      </Typography>
      <Box sx={{ display: 'grid', gap: 3, maxWidth: 560 }}>
        <Section title={t('preferences.appearance')}>
          <Choice
            label={t('preferences.theme')}
            value={preferences.theme}
            none={t('preferences.system')}
            options={[
              ['light', t('theme.light')],
              ['dark', t('theme.dark')],
            ]}
            choose={(theme) => change({ theme: theme as Preferences['theme'] | null })}
          />
          <Choice
            label={t('preferences.language')}
            value={preferences.language}
            none={t('preferences.system')}
            options={languages.map((language) => [language, languageNames[language]])}
            choose={(language) => change({ language: language as Preferences['language'] | null })}
          />
        </Section>
        <Section title={t('preferences.input')}>
          <Choice
            label={t('preferences.hostKey')}
            help={t('preferences.hostKeyHelp')}
            value={preferences.hostKey}
            none={t('preferences.defaultKey', { key: defaultHostKeyName() })}
            options={hostKeyCodes.map((code) => [code, t(`preferences.keys.${code}`)])}
            choose={(hostKey) => change({ hostKey: hostKey as Preferences['hostKey'] | null })}
          />
        </Section>
        <Section title={t('preferences.storage')}>
          <Typed
            name="disksFolder"
            label={t('preferences.disksFolder')}
            help={t('preferences.disksFolderHelp')}
            value={preferences.disksFolder}
          />
        </Section>
        <Section title={t('engines.title')}>
          <EnginesSection />
        </Section>
        <Section title={t('preferences.gallery')}>
          <Typed
            name="debianMirror"
            label={t('preferences.mirror')}
            help={t('preferences.mirrorHelp')}
            wrong={t('preferences.mirrorWrong')}
            value={preferences.debianMirror}
          />
        </Section>
      </Box>
    </Box>
  );
}

function Section({ title, children }: { readonly title: string; readonly children: ReactNode }) {
  return (
    <Box component="section" aria-label={title} sx={{ display: 'grid', gap: 2 }}>
      <Typography variant="h2">{title}</Typography>
      {children}
    </Box>
  );
}

const byDefault = 'default';

function Choice(props: {
  readonly label: string;
  readonly help?: string;
  readonly value: string | undefined;
  readonly none: string;
  readonly options: readonly (readonly [string, string])[];
  choose(value: string | null): void;
}) {
  return (
    <TextField
      select
      label={props.label}
      helperText={props.help}
      value={props.value ?? byDefault}
      onChange={({ target: { value } }) => props.choose(value === byDefault ? null : value)}
    >
      <MenuItem value={byDefault}>{props.none}</MenuItem>
      {props.options.map(([value, word]) => (
        <MenuItem key={value} value={value}>
          {word}
        </MenuItem>
      ))}
    </TextField>
  );
}

function Typed(props: {
  readonly name: 'disksFolder' | 'debianMirror';
  readonly label: string;
  readonly help: string;
  readonly wrong?: string;
  readonly value: string | undefined;
}) {
  const { preferences } = useConnection();
  const [text, setText] = useState(props.value ?? '');
  const [problem, setProblem] = useState<string>();
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    const value = text.trim() === '' ? null : text.trim();
    if (!preferencesSchema.shape[props.name].safeParse(value ?? undefined).success)
      return setProblem(props.wrong);
    try {
      await preferences.change({ [props.name]: value });
    } catch (error) {
      setProblem(explain(error).message);
    }
  };
  return (
    <Box
      component="form"
      noValidate
      onSubmit={(event) => void submit(event)}
      sx={{ display: 'flex', gap: 1, alignItems: 'flex-start' }}
    >
      <TextField
        fullWidth
        label={props.label}
        value={text}
        error={problem !== undefined}
        helperText={problem ?? props.help}
        onChange={(event) => {
          setText(event.target.value);
          setProblem(undefined);
        }}
        slotProps={{ htmlInput: { autoComplete: 'off', spellCheck: false } }}
      />
      <Button
        type="submit"
        variant="outlined"
        aria-label={`${t('preferences.save')}: ${props.label}`}
        aria-disabled={text.trim() === (props.value ?? '')}
        sx={{ mt: 0.5 }}
      >
        {t('preferences.save')}
      </Button>
    </Box>
  );
}
