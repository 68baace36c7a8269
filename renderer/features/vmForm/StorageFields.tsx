import Add from '@mui/icons-material/Add';
import DeleteOutlined from '@mui/icons-material/DeleteOutlined';
import Tune from '@mui/icons-material/Tune';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Checkbox from '@mui/material/Checkbox';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import Stack from '@mui/material/Stack';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useState, type ReactNode } from 'react';
import { diskInterfaces } from '../../../shared/vm/config.ts';
import { floppyDrives } from '../../../shared/vm/driveCounts.ts';
import { t } from '../../i18n/i18n.ts';
import { ChoiceField } from './ChoiceField.tsx';
import { DiskAttributes } from './DiskAttributes.tsx';
import type { FieldsProps } from './fields.tsx';
import { PathField } from './PathField.tsx';
import { newDisk, splitPath, type VmDraft } from './vmDraft.ts';

/** The machine's drives: disks, CD-ROMs, floppies. */
export function StorageFields({ draft, problems, disabled = false, change }: FieldsProps) {
  const { disks, cdroms, floppies } = draft;
  const last = [...disks, ...cdroms, ...floppies].map(({ path }) => path.trim()).findLast(Boolean);
  const nearby = last === undefined ? undefined : splitPath(last).folder;
  const none = draft.newDisks.length + disks.length + cdroms.length + floppies.length === 0;
  return (
    <Stack spacing={1.5}>
      {none && (
        <Typography sx={{ color: 'text.secondary', fontSize: '0.875rem' }}>
          {t('storage.none')}
        </Typography>
      )}
      {disks.map((disk, index) => (
        <DiskRow
          key={`disk${index}`}
          {...{ disk, index, nearby, problems, disabled }}
          set={(changes) => change({ disks: replaced(disks, index, changes) })}
          remove={() => change({ disks: without(disks, index) })}
        />
      ))}
      {cdroms.map((drive, index) => {
        const set = (changes: Partial<VmDraft['cdroms'][number]>) =>
          change({ cdroms: replaced(cdroms, index, changes) });
        const number = index + 1;
        return (
          <DriveRow
            key={`cdrom${index}`}
            removeLabel={t('storage.removeCdrom', { number })}
            disabled={disabled}
            remove={() => change({ cdroms: without(cdroms, index) })}
          >
            <PathField
              label={t('storage.cdrom', { number })}
              disabled={disabled}
              value={drive.path}
              problem={problems[`cdroms.${index}.path`]}
              help={t('storage.cdromHelp')}
              nearby={nearby}
              onChange={(path) => set({ path })}
            />
            <InterfaceField
              name={t('storage.cdrom', { number })}
              value={drive.interface}
              choices={['ide', 'ahci']}
              disabled={disabled}
              onChange={(where) => set({ interface: where })}
            />
          </DriveRow>
        );
      })}
      {floppies.map((drive, index) => {
        const set = (changes: Partial<VmDraft['floppies'][number]>) =>
          change({ floppies: replaced(floppies, index, changes) });
        const number = index + 1;
        return (
          <DriveRow
            key={`floppy${index}`}
            removeLabel={t('storage.removeFloppy', { number })}
            disabled={disabled}
            remove={() => change({ floppies: without(floppies, index) })}
          >
            <PathField
              label={t('storage.floppy', { number })}
              disabled={disabled}
              value={drive.path}
              problem={problems[`floppies.${index}.path`]}
              help={t('storage.floppyHelp')}
              nearby={nearby}
              onChange={(path) => set({ path })}
            />
            <ReadOnlyBox
              disabled={disabled}
              checked={drive.readOnly}
              onChange={(readOnly) => set({ readOnly })}
            />
          </DriveRow>
        );
      })}
      {problems.drives && (
        <Typography color="error" variant="caption" role="alert">
          {problems.drives}
        </Typography>
      )}
      <Box sx={{ display: 'flex', flexWrap: 'wrap', gap: 1 }}>
        <AddButton
          label={t('storage.addDisk')}
          disabled={disabled}
          act={() => change({ disks: [...disks, newDisk] })}
        />
        <AddButton
          label={t('storage.addCdrom')}
          disabled={disabled}
          act={() => change({ cdroms: [...cdroms, { path: '', interface: 'ide' }] })}
        />
        <AddButton
          label={t('storage.addFloppy')}
          disabled={disabled || floppies.length >= floppyDrives}
          act={() => change({ floppies: [...floppies, { path: '', readOnly: false }] })}
        />
      </Box>
    </Stack>
  );
}

const replaced = <T,>(list: readonly T[], index: number, changes: Partial<T>): T[] =>
  list.map((one, at) => (at === index ? { ...one, ...changes } : one));
const without = <T,>(list: readonly T[], index: number): T[] =>
  list.filter((_, at) => at !== index);

function DiskRow(props: {
  readonly disk: VmDraft['disks'][number];
  readonly index: number;
  readonly nearby: string | undefined;
  readonly problems: FieldsProps['problems'];
  readonly disabled: boolean;
  set(changes: Partial<VmDraft['disks'][number]>): void;
  remove(): void;
}) {
  const { disk, index, nearby, problems, disabled, set, remove } = props;
  const [opened, setOpened] = useState(false);
  const number = index + 1;
  const name = t('storage.disk', { number });
  const wrong = {
    bytesPerSecond: problems[`disks.${index}.limits.bytesPerSecond`],
    iops: problems[`disks.${index}.limits.iops`],
  };
  const open = opened || wrong.bytesPerSecond !== undefined || wrong.iops !== undefined;
  return (
    <>
      <DriveRow
        removeLabel={t('storage.removeDisk', { number })}
        disabled={disabled}
        remove={remove}
      >
        <PathField
          label={name}
          disabled={disabled}
          value={disk.path}
          problem={problems[`disks.${index}.path`]}
          help={t('storage.diskHelp')}
          nearby={nearby}
          onChange={(path) => set({ path })}
        />
        <InterfaceField
          name={name}
          value={disk.interface}
          choices={diskInterfaces}
          disabled={disabled}
          onChange={(where) => set({ interface: where })}
        />
        <ReadOnlyBox
          disabled={disabled}
          checked={disk.readOnly}
          onChange={(readOnly) => set({ readOnly })}
        />
        <Tooltip title={t('storage.attributes')}>
          <IconButton
            aria-label={t('storage.attributesOf', { drive: name })}
            aria-expanded={open}
            onClick={() => setOpened(!open)}
          >
            <Tune />
          </IconButton>
        </Tooltip>
      </DriveRow>
      {open && <DiskAttributes {...{ disk, name, disabled, set }} problems={wrong} />}
    </>
  );
}

function DriveRow(props: {
  readonly removeLabel: string;
  readonly disabled: boolean;
  readonly children: ReactNode;
  remove(): void;
}) {
  return (
    <Box sx={{ display: 'flex', gap: 1, alignItems: 'flex-start' }}>
      {props.children}
      <Tooltip title={t('storage.removeHelp')}>
        <span>
          <IconButton
            aria-label={props.removeLabel}
            disabled={props.disabled}
            onClick={props.remove}
          >
            <DeleteOutlined />
          </IconButton>
        </span>
      </Tooltip>
    </Box>
  );
}

function InterfaceField<T extends (typeof diskInterfaces)[number]>(props: {
  readonly name: string;
  readonly value: T;
  readonly choices: readonly T[];
  readonly disabled: boolean;
  onChange(value: T): void;
}) {
  const { name, ...rest } = props;
  return (
    <ChoiceField
      {...rest}
      label={t('storage.interface')}
      name={t('storage.interfaceOf', { drive: name })}
      width={116}
      word={(choice) => t(`storage.interfaces.${choice}`)}
    />
  );
}

function ReadOnlyBox(props: {
  readonly disabled: boolean;
  readonly checked: boolean;
  onChange(checked: boolean): void;
}) {
  return (
    <FormControlLabel
      sx={{ whiteSpace: 'nowrap', mt: 0.25, mr: 0 }}
      disabled={props.disabled}
      control={
        <Checkbox
          size="small"
          checked={props.checked}
          onChange={(event) => props.onChange(event.target.checked)}
        />
      }
      label={t('storage.readOnly')}
    />
  );
}

function AddButton(props: { readonly label: string; readonly disabled: boolean; act(): void }) {
  return (
    <Button startIcon={<Add />} disabled={props.disabled} onClick={props.act}>
      {props.label}
    </Button>
  );
}
