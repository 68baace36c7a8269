import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import InputAdornment from '@mui/material/InputAdornment';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import { useState, type FormEvent, type ReactNode } from 'react';
import type { MediumEntry } from '../../../shared/services/media.ts';
import { newDiskSchema } from '../../../shared/vm/config.ts';
import type { DiskFormat } from '../../../shared/vm/diskTool.ts';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';
import { splitPath } from '../vmForm/vmDraft.ts';

const formats = newDiskSchema.shape.format.unwrap().options;
/** MiB of what was typed as GiB; undefined if it is no size of a disk. */
const sizeOf = (text: string): number | undefined =>
  newDiskSchema.shape.sizeMiB.safeParse(
    Math.round(Number(text.trim().replace(',', '.') || NaN) * 1024),
  ).data;

function Asking(props: {
  readonly title: string;
  readonly action: string;
  readonly ready: boolean;
  readonly children: ReactNode;
  act(): Promise<unknown>;
  onClose(): void;
}) {
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (!props.ready) return;
    setBusy(true);
    try {
      await props.act();
      props.onClose();
    } catch (error) {
      setFailure(explain(error));
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={props.onClose} fullWidth maxWidth="xs" aria-labelledby="medium-title">
      <form noValidate onSubmit={(event) => void submit(event)}>
        <DialogTitle id="medium-title">{props.title}</DialogTitle>
        <DialogContent dividers sx={{ display: 'grid', gap: 2 }}>
          {failure && <FailureAlert failure={failure} />}
          {props.children}
        </DialogContent>
        <DialogActions>
          <Button onClick={props.onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy}>
            {props.action}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

function SizeField(props: { readonly value: string; onChange(value: string): void }) {
  const wrong = sizeOf(props.value) === undefined;
  return (
    <TextField
      label={t('mediaPage.size')}
      value={props.value}
      error={wrong}
      helperText={wrong && t('problem.diskSize')}
      onChange={(event) => props.onChange(event.target.value)}
      slotProps={{
        htmlInput: { inputMode: 'decimal', autoComplete: 'off' },
        input: {
          endAdornment: <InputAdornment position="end">{t('newDisk.unit')}</InputAdornment>,
        },
      }}
    />
  );
}

function FormatField(props: { readonly value: DiskFormat; onChange(value: DiskFormat): void }) {
  return (
    <TextField
      select
      label={t('newDisk.format')}
      value={props.value}
      onChange={(event) => props.onChange(event.target.value as DiskFormat)}
    >
      {formats.map((format) => (
        <MenuItem key={format} value={format}>
          {t(`newDisk.formats.${format}`)}
        </MenuItem>
      ))}
    </TextField>
  );
}

export function NewDiskDialog({ onClose }: { onClose(): void }) {
  const { media } = useConnection();
  const [name, setName] = useState('');
  const [size, setSize] = useState('20');
  const [format, setFormat] = useState<DiskFormat>('qcow2');
  const sizeMiB = sizeOf(size);
  return (
    <Asking
      title={t('mediaPage.new')}
      action={t('action.create')}
      ready={name.trim() !== '' && sizeMiB !== undefined}
      act={() => media.create(name.trim(), sizeMiB!, format)}
      onClose={onClose}
    >
      <TextField
        autoFocus
        required
        label={t('general.name')}
        value={name}
        onChange={(event) => setName(event.target.value)}
        slotProps={{ htmlInput: { maxLength: 100, autoComplete: 'off' } }}
      />
      <SizeField value={size} onChange={setSize} />
      <FormatField value={format} onChange={setFormat} />
    </Asking>
  );
}

interface Props {
  readonly entry: MediumEntry;
  onClose(): void;
}

export function ConvertDialog({ entry, onClose }: Props) {
  const { media } = useConnection();
  const [format, setFormat] = useState<DiskFormat>(entry.format === 'qcow2' ? 'raw' : 'qcow2');
  return (
    <Asking
      title={t('mediaPage.convertOf', { name: splitPath(entry.path).name })}
      action={t('mediaPage.convert')}
      ready
      act={() => media.convert(entry.path, format)}
      onClose={onClose}
    >
      {t('mediaPage.convertText')}
      <FormatField value={format} onChange={setFormat} />
    </Asking>
  );
}

export function ResizeDialog({ entry, onClose }: Props) {
  const { media } = useConnection();
  const [size, setSize] = useState(String((entry.diskSize ?? 0) / 2 ** 30));
  const sizeMiB = sizeOf(size);
  return (
    <Asking
      title={t('mediaPage.resizeOf', { name: splitPath(entry.path).name })}
      action={t('mediaPage.resize')}
      ready={sizeMiB !== undefined}
      act={() => media.resize(entry.path, sizeMiB!)}
      onClose={onClose}
    >
      {t('mediaPage.resizeText')}
      <SizeField value={size} onChange={setSize} />
    </Asking>
  );
}
