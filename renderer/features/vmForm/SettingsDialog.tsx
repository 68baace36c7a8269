import HelpOutlined from '@mui/icons-material/HelpOutlined';
import Article from '@mui/icons-material/ArticleOutlined';
import Lan from '@mui/icons-material/LanOutlined';
import Monitor from '@mui/icons-material/MonitorOutlined';
import Memory from '@mui/icons-material/Memory';
import RocketLaunch from '@mui/icons-material/RocketLaunchOutlined';
import Storage from '@mui/icons-material/StorageOutlined';
import ErrorOutlined from '@mui/icons-material/ErrorOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Tab from '@mui/material/Tab';
import Tabs from '@mui/material/Tabs';
import { useQueryClient } from '@tanstack/react-query';
import { useRef, useState, type FormEvent } from 'react';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { VmConfig } from '../../../shared/vm/config.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { isLive } from '../library/commands.ts';
import { explain } from '../notices/noticeStore.ts';
import { BootFields } from './BootFields.tsx';
import { DisplayFields, GeneralFields, MachineSystemFields } from './fields.tsx';
import { focusFirstProblem } from './focusFirstProblem.ts';
import { NetworkFields } from './NetworkFields.tsx';
import { StorageFields } from './StorageFields.tsx';
import { useVmDraft } from './useVmDraft.ts';
import { draftOf } from './vmDraft.ts';

const categories = {
  general: { Icon: Article, Fields: GeneralFields, owns: /^(name|description)/ },
  system: { Icon: Memory, Fields: MachineSystemFields, owns: /^(memory|cpu|engine)/ },
  boot: { Icon: RocketLaunch, Fields: BootFields, owns: /^boot/ },
  display: { Icon: Monitor, Fields: DisplayFields, owns: /^display/ },
  storage: {
    Icon: Storage,
    Fields: StorageFields,
    owns: /^(disks|cdroms|floppies|drives)/,
  },
  network: { Icon: Lan, Fields: NetworkFields, owns: /^adapters/ },
} as const;
export type SettingsCategory = keyof typeof categories;
const names = Object.keys(categories) as SettingsCategory[];

export function SettingsDialog(props: {
  readonly vm: VmSummary;
  readonly config: VmConfig;
  readonly category: SettingsCategory;
  onClose(): void;
}) {
  const { vm, config, onClose } = props;
  const { library } = useConnection();
  const queries = useQueryClient();
  const form = useVmDraft(draftOf(config));
  const [category, setCategory] = useState(props.category);
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const [help, setHelp] = useState(false);
  const element = useRef<HTMLFormElement>(null);
  const live = isLive(vm);
  const { Fields } = categories[category];
  const hasProblem = (name: SettingsCategory) =>
    Object.keys(form.problems).some((field) => categories[name].owns.test(field));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    form.showAllProblems();
    if (!form.checked.vm) {
      const [first] = Object.keys(form.checked.problems);
      setCategory(names.find((name) => categories[name].owns.test(first!)) ?? category);
      return focusFirstProblem(element.current);
    }
    setBusy(true);
    try {
      const { name, description, ...rest } = form.checked.vm;
      const text = { name, description: description ?? '' };
      const saved = await library.modify(vm.id, live ? text : { ...rest, ...text });
      queries.setQueryData(['vm', vm.id], saved);
      onClose();
    } catch (error) {
      setFailure(explain(error));
      setBusy(false);
    }
  };

  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="md" aria-labelledby="settings-title">
      <Box
        component="form"
        ref={element}
        noValidate
        onSubmit={(event) => void submit(event)}
        sx={{ display: 'flex', flexDirection: 'column', minHeight: 0 }}
      >
        <DialogTitle id="settings-title" noWrap>
          {t('settings.title', { name: vm.name })}
        </DialogTitle>
        <DialogContent dividers sx={{ display: 'flex', p: 0, height: 440 }}>
          <Tabs
            orientation="vertical"
            value={category}
            onChange={(_, next: SettingsCategory) => setCategory(next)}
            aria-label={t('settings.categories')}
            sx={{ borderRight: 1, borderColor: 'divider', minWidth: 168, py: 1 }}
          >
            {names.map((name) => {
              const { Icon } = categories[name];
              const word = t(`settings.category.${name}`);
              return (
                <Tab
                  key={name}
                  value={name}
                  id={`settings-tab-${name}`}
                  aria-controls="settings-panel"
                  aria-label={
                    hasProblem(name) ? t('settings.withProblem', { category: word }) : word
                  }
                  icon={hasProblem(name) ? <ErrorOutlined color="error" /> : <Icon />}
                  iconPosition="start"
                  label={word}
                  sx={{ justifyContent: 'flex-start', minHeight: 44 }}
                />
              );
            })}
          </Tabs>
          <Box
            role="tabpanel"
            id="settings-panel"
            aria-labelledby={`settings-tab-${category}`}
            sx={{ flex: 1, minWidth: 0, p: 3, overflowY: 'auto' }}
          >
            {failure && <FailureAlert failure={failure} />}
            {live && category !== 'general' && (
              <Alert severity="info" sx={{ mb: 2 }}>
                {t('settings.whenOff', { name: vm.name })}
              </Alert>
            )}
            {help && (
              <Alert severity="info" icon={<HelpOutlined />} sx={{ mb: 2 }}>
                {t(`settings.help.${category}`)}
              </Alert>
            )}
            <Fields {...form} disabled={live && category !== 'general'} />
          </Box>
        </DialogContent>
        <DialogActions>
          <Button
            startIcon={<HelpOutlined />}
            aria-pressed={help}
            onClick={() => setHelp(!help)}
            sx={{ mr: 'auto' }}
          >
            {t('action.help')}
          </Button>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy}>
            {t('action.ok')}
          </Button>
        </DialogActions>
      </Box>
    </Dialog>
  );
}
