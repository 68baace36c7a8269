import CheckCircle from '@mui/icons-material/CheckCircleOutlined';
import ErrorOutlined from '@mui/icons-material/ErrorOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import LinearProgress from '@mui/material/LinearProgress';
import MenuItem from '@mui/material/MenuItem';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useEffect, useRef, useState } from 'react';
import { useOf } from '../../../shared/media/mediumUse.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { formatSize } from '../files/formatSize.ts';
import { isLive } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';
import { inspectFile, placeDropped, type DroppedFile, type Found } from './droppedFile.ts';
import { attachMedia, draftOfMedia, type PlacedMedium } from './mediumDraft.ts';
import { mediumWords } from './mediumWords.ts';

/** What the dropped files are, and whether they make a new machine or go into one that is there. */
export function DroppedDialog(props: {
  readonly files: readonly DroppedFile[];
  readonly vmId: string | undefined;
  onClose(): void;
}) {
  const { files, onClose } = props;
  const { library, host } = useConnection();
  const open = useDialogs((store) => store.open);
  const select = useLibrary((store) => store.select);
  const machines = (useLibrary((store) => store.vms) ?? []).filter((vm) => !vm.unusable);
  const [found, setFound] = useState<readonly Found[]>();
  const [choice, setChoice] = useState<'new' | 'attach'>(props.vmId ? 'attach' : 'new');
  const [vmId, setVmId] = useState(props.vmId ?? machines[0]?.id ?? '');
  const [sent, setSent] = useState<{ readonly bytes: number; readonly of: number }>();
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const sending = useRef<AbortController>(undefined);

  useEffect(() => {
    let current = true;
    void Promise.all(files.map((file) => inspectFile(file, host))).then((all) => {
      if (current) setFound(all);
    });
    return () => {
      current = false;
      sending.current?.abort();
    };
  }, [files, host]);

  const appliance = (found ?? []).find(isAppliance);
  const usable = appliance
    ? [appliance]
    : (found ?? []).filter(({ medium }) => medium && useOf(medium) !== undefined);
  const target = machines.find(({ id }) => id === vmId);
  const refused = !appliance && choice === 'attach' && target !== undefined && isLive(target);

  const place = async (signal: AbortSignal): Promise<PlacedMedium[]> => {
    const total = usable.reduce((sum, { size = 0 }) => sum + size, 0);
    const placed: PlacedMedium[] = [];
    let before = 0;
    for (const { file, medium, size = 0 } of usable) {
      const path = await placeDropped(file, {
        signal,
        progress: (bytes) => setSent({ bytes: Math.min(before + bytes, total), of: total }),
      });
      before += size;
      placed.push({ path, medium: medium! });
    }
    return placed;
  };

  const go = async () => {
    const abort = (sending.current = new AbortController());
    setFailure(undefined);
    setSent({ bytes: 0, of: 1 });
    try {
      const placed = await place(abort.signal);
      if (appliance) return open({ kind: 'import', path: placed[0]!.path });
      if (choice === 'new') return open({ kind: 'newVm', draft: draftOfMedia(placed) });
      await library.modify(vmId, attachMedia(await library.get(vmId), placed));
      select(vmId, 'details');
      onClose();
    } catch (error) {
      if (!abort.signal.aborted) setFailure(explain(error));
      setSent(undefined);
    }
  };

  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="dropped-title">
      <DialogTitle id="dropped-title">{t('drop.title', { count: files.length })}</DialogTitle>
      <DialogContent dividers sx={{ display: 'flex', flexDirection: 'column', gap: 2 }}>
        {failure && <FailureAlert failure={failure} />}
        {!found && <LinearProgress aria-label={t('drop.looking')} />}
        <Box component="ul" sx={{ m: 0, p: 0, listStyle: 'none', display: 'grid', gap: 1 }}>
          {(found ?? []).map((one, index) => (
            <FoundRow key={index} {...one} />
          ))}
        </Box>
        {found && usable.length === 0 && <Alert severity="info">{t('drop.nothing')}</Alert>}
        {usable.length > 0 && !appliance && (
          <RadioGroup
            aria-label={t('drop.what')}
            value={choice}
            onChange={(_, next) => setChoice(next as typeof choice)}
          >
            <FormControlLabel
              value="new"
              control={<Radio autoFocus={choice === 'new'} />}
              label={t('drop.newMachine')}
            />
            <Box sx={{ display: 'flex', alignItems: 'center', flexWrap: 'wrap' }}>
              <FormControlLabel
                value="attach"
                disabled={machines.length === 0}
                control={<Radio autoFocus={choice === 'attach'} />}
                label={t('drop.attachTo')}
              />
              {machines.length > 0 && (
                <TextField
                  select
                  fullWidth={false}
                  sx={{ minWidth: 220 }}
                  value={vmId}
                  label={t('drop.machine')}
                  error={refused}
                  helperText={refused && t('drop.isRunning')}
                  onChange={(event) => {
                    setChoice('attach');
                    setVmId(event.target.value);
                  }}
                >
                  {machines.map(({ id, name }) => (
                    <MenuItem key={id} value={id}>
                      {name}
                    </MenuItem>
                  ))}
                </TextField>
              )}
            </Box>
          </RadioGroup>
        )}
        {sent && (
          <Box>
            <Typography variant="caption" id="copying">
              {t('drop.copying', { sent: formatSize(sent.bytes), size: formatSize(sent.of) })}
            </Typography>
            <LinearProgress
              variant="determinate"
              value={(100 * sent.bytes) / Math.max(1, sent.of)}
              aria-labelledby="copying"
            />
          </Box>
        )}
      </DialogContent>
      <DialogActions>
        <Button onClick={() => (sent ? sending.current?.abort() : onClose())}>
          {t('action.cancel')}
        </Button>
        <Button
          variant="contained"
          loading={sent !== undefined}
          disabled={usable.length === 0 || refused}
          onClick={() => void go()}
        >
          {choice === 'new' || appliance ? t('action.continue') : t('action.attach')}
        </Button>
      </DialogActions>
    </Dialog>
  );
}

/** A machine in a file, which is imported; other files that were dropped with it are its parts, or wait. */
const isAppliance = ({ medium }: Found): boolean =>
  medium !== undefined && ['ova', 'ovf', 'vbox'].includes(medium.kind);

function FoundRow({ file, medium, size }: Found) {
  const usable =
    medium !== undefined && (isAppliance({ file, medium }) || useOf(medium) !== undefined);
  const Icon = usable ? CheckCircle : ErrorOutlined;
  return (
    <Box component="li" sx={{ display: 'flex', gap: 1, alignItems: 'flex-start' }}>
      <Icon sx={{ color: usable ? 'success.main' : 'error.main', mt: 0.25 }} fontSize="small" />
      <Box sx={{ minWidth: 0, overflowWrap: 'anywhere' }}>
        <Typography component="span" sx={{ fontWeight: 650, fontSize: '0.9rem' }}>
          {file.name}
        </Typography>{' '}
        <Typography component="span" variant="caption" sx={{ color: 'text.secondary' }}>
          {size !== undefined && formatSize(size)}
        </Typography>
        <Typography sx={{ fontSize: '0.875rem' }}>
          {medium ? mediumWords(medium) : t('media.unreadable')}
        </Typography>
      </Box>
    </Box>
  );
}
