import Box from '@mui/material/Box';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import TextField from '@mui/material/TextField';
import { diskCaches, type DiskConfig } from '../../../shared/vm/config.ts';
import { t } from '../../i18n/i18n.ts';
import { ChoiceField } from './ChoiceField.tsx';

/** How a disk's image is written, and how fast it may be used. */
export function DiskAttributes(props: {
  readonly disk: DiskConfig;
  /** As messages speak of it: "Disk 1". */
  readonly name: string;
  /** What is wrong with its limits. */
  readonly problems: {
    readonly bytesPerSecond?: string | undefined;
    readonly iops?: string | undefined;
  };
  readonly disabled: boolean;
  set(changes: Partial<DiskConfig>): void;
}) {
  const { disk, name, problems, disabled, set } = props;
  /** An empty field is no limit; a limit of nothing is told of by its problem. */
  const limit = (key: 'bytesPerSecond' | 'iops', label: string, unit: number) => (
    <TextField
      type="number"
      label={label}
      disabled={disabled}
      value={disk.limits?.[key] === undefined ? '' : disk.limits[key] / unit}
      placeholder={t('storage.noLimit')}
      error={problems[key] !== undefined}
      helperText={problems[key]}
      onChange={(event) => {
        const { [key]: _before, ...rest } = disk.limits ?? {};
        const text = event.target.value;
        const limits = text === '' ? rest : { ...rest, [key]: Math.round(Number(text) * unit) };
        set({ limits: Object.keys(limits).length === 0 ? undefined : limits });
      }}
      slotProps={{
        htmlInput: { min: 0, step: 'any' },
        inputLabel: { shrink: true },
      }}
    />
  );
  const flag = (key: 'detectZeroes' | 'shareable', label: string) => (
    <FormControlLabel
      sx={{ gridColumn: '1 / -1' }}
      disabled={disabled}
      control={
        <Checkbox
          size="small"
          checked={disk[key] ?? false}
          onChange={(event) => set({ [key]: event.target.checked })}
        />
      }
      label={label}
    />
  );
  return (
    <Box
      role="group"
      aria-label={t('storage.attributesOf', { drive: name })}
      sx={{
        display: 'grid',
        gridTemplateColumns: '240px 1fr 1fr',
        gap: 1,
        pl: 2,
        alignItems: 'start',
      }}
    >
      <ChoiceField
        label={t('storage.cache')}
        name={t('storage.cacheOf', { drive: name })}
        value={disk.cache ?? 'writeback'}
        choices={diskCaches}
        width={240}
        disabled={disabled}
        word={(choice) => t(`storage.caches.${choice}`)}
        onChange={(cache) => set({ cache })}
      />
      {limit('bytesPerSecond', t('storage.bytesPerSecond'), 2 ** 20)}
      {limit('iops', t('storage.iops'), 1)}
      {flag('detectZeroes', t('storage.detectZeroes'))}
      {flag('shareable', t('storage.shareable'))}
    </Box>
  );
}
