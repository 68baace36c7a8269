import FolderOpen from '@mui/icons-material/FolderOpen';
import IconButton from '@mui/material/IconButton';
import InputAdornment from '@mui/material/InputAdornment';
import TextField from '@mui/material/TextField';
import Tooltip from '@mui/material/Tooltip';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { FileChooser } from '../files/FileChooser.tsx';
import { formatSize } from '../files/formatSize.ts';
import { useOf } from '../../../shared/media/mediumUse.ts';
import { mediumWords } from '../media/mediumWords.ts';
import { explain } from '../notices/noticeStore.ts';
import { splitPath } from './vmDraft.ts';

export interface PathFieldProps {
  readonly label: string;
  readonly value: string;
  onChange(path: string): void;
  /** What is wrong with it, shown in its place. */
  readonly problem?: string | undefined;
  readonly help?: string | undefined;
  readonly required?: boolean;
  readonly disabled?: boolean;
  readonly autoFocus?: boolean;
  /** Folder of the chooser when the field is empty. */
  readonly nearby?: string | undefined;
}

/** A file of the manager's machine: typed or chosen, and looked up while the form is open. */
export function PathField(props: PathFieldProps) {
  const { host } = useConnection();
  const [choosing, setChoosing] = useState(false);
  const [asked, setAsked] = useState(props.value);
  const path = asked.trim();
  const { data: found } = useQuery({
    queryKey: ['file', path],
    enabled: path !== '' && !props.problem,
    retry: false,
    staleTime: 5000,
    queryFn: async () => {
      const { folder, name } = splitPath(path);
      try {
        const { entries } = await host.listFolder(folder);
        const entry = entries.find((one) => one.name === name);
        if (!entry) return { warning: t('path.missing') };
        if (entry.kind === 'folder') return { warning: t('path.isFolder') };
        const { size, medium } = await host.inspectFile(path);
        // What nothing is known of may well be right: a kernel of another kind, an empty raw disk.
        const words = useOf(medium) === undefined ? [] : [mediumWords(medium)];
        return { words: [formatSize(size), ...words].join(' · ') };
      } catch (error) {
        if (explain(error).message.includes(path)) return { warning: explain(error).message };
        return { warning: t('path.folderUnreadable', { folder }) };
      }
    },
  });
  const current = path === props.value.trim() ? found : undefined;
  const warning = current && 'warning' in current ? current.warning : undefined;
  const words = current && 'words' in current ? current.words : undefined;
  const start = props.value.trim() ? splitPath(props.value.trim()).folder : (props.nearby ?? '');

  return (
    <>
      <TextField
        label={props.label}
        value={props.value}
        required={props.required ?? false}
        disabled={props.disabled ?? false}
        autoFocus={props.autoFocus ?? false}
        error={props.problem !== undefined}
        color={warning ? 'warning' : 'primary'}
        helperText={props.problem ?? (warning && `⚠ ${warning}`) ?? words ?? props.help}
        onChange={(event) => props.onChange(event.target.value)}
        onBlur={() => setAsked(props.value)}
        slotProps={{
          htmlInput: { spellCheck: false, autoComplete: 'off' },
          formHelperText: { sx: warning && !props.problem ? { color: 'warning.main' } : {} },
          input: {
            endAdornment: (
              <InputAdornment position="end">
                <Tooltip title={props.disabled ? '' : t('path.choose')}>
                  <span>
                    <IconButton
                      edge="end"
                      size="small"
                      aria-label={t('path.chooseOf', { what: props.label })}
                      disabled={props.disabled ?? false}
                      onClick={() => setChoosing(true)}
                    >
                      <FolderOpen fontSize="small" />
                    </IconButton>
                  </span>
                </Tooltip>
              </InputAdornment>
            ),
          },
        }}
      />
      {choosing && (
        <FileChooser
          title={t('path.chooserTitle', { what: props.label })}
          start={start}
          onClose={() => setChoosing(false)}
          onChoose={(chosen) => {
            setChoosing(false);
            setAsked(chosen);
            props.onChange(chosen);
          }}
        />
      )}
    </>
  );
}
