import ArrowUpward from '@mui/icons-material/ArrowUpward';
import Folder from '@mui/icons-material/Folder';
import HomeOutlined from '@mui/icons-material/HomeOutlined';
import InsertDriveFile from '@mui/icons-material/InsertDriveFileOutlined';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import Tooltip from '@mui/material/Tooltip';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState, type KeyboardEvent } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { FolderEntry } from '../../../shared/services/host.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';
import { formatSize } from './formatSize.ts';

/** Chooses a file of the machine the manager runs on, which need not be the one with the window. */
export function FileChooser(props: {
  readonly title: string;
  /** The folder shown first; '' is the home folder. */
  readonly start: string;
  onChoose(path: string): void;
  onClose(): void;
}) {
  const { host } = useConnection();
  const [folder, setFolder] = useState(props.start);
  /** The field while it has the focus or text that has not been gone to: a list that arrives then leaves it alone. */
  const [edit, setEdit] = useState<{ text: string; readonly from: string }>();
  const [hidden, setHidden] = useState(false);
  const [active, setActive] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  /** It has the keyboard as soon as it is there. */
  const show = useCallback((element: HTMLUListElement | null) => {
    list.current = element;
    element?.focus();
  }, []);
  const { data, error, isFetching } = useQuery({
    queryKey: ['folder', folder],
    queryFn: () => host.listFolder(folder),
    retry: false,
    gcTime: 0,
  });
  const shown = data?.path ?? folder;
  const entries = (data?.entries ?? []).filter(({ name }) => hidden || !name.startsWith('.'));

  useEffect(() => {
    list.current?.querySelector('[aria-selected="true"]')?.scrollIntoView({ block: 'nearest' });
  }, [active]);

  const goTo = (path: string) => {
    list.current?.focus();
    setEdit(undefined);
    setActive(0);
    setFolder(path);
  };
  const choose = (entry: FolderEntry | undefined) => {
    if (!entry) return;
    if (entry.kind === 'folder') goTo(entry.path);
    else props.onChoose(entry.path);
  };
  const up = () => {
    if (data?.parent !== undefined) goTo(data.parent);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const moves: Record<string, number> = {
      ArrowDown: active + 1,
      ArrowUp: active - 1,
      PageDown: active + 10,
      PageUp: active - 10,
      Home: 0,
      End: entries.length - 1,
    };
    const move = moves[event.key];
    if (move !== undefined) setActive(Math.max(Math.min(move, entries.length - 1), 0));
    else if (event.key === 'Enter') choose(entries[active]);
    else if (event.key === 'Backspace') up();
    else if (event.key.length === 1 && !event.ctrlKey && !event.metaKey && !event.altKey) {
      const letter = event.key.toLowerCase();
      const from = [...entries.keys()].map((index) => (active + 1 + index) % entries.length);
      const next = from.find((index) => entries[index]!.name.toLowerCase().startsWith(letter));
      if (next !== undefined) setActive(next);
    } else return;
    event.preventDefault();
  };
  const chosen = entries[active];

  return (
    <Dialog open onClose={props.onClose} fullWidth maxWidth="sm" aria-labelledby="chooser-title">
      <DialogTitle id="chooser-title">{props.title}</DialogTitle>
      <DialogContent sx={{ display: 'flex', flexDirection: 'column', gap: 1, pb: 0 }}>
        <Box sx={{ display: 'flex', gap: 0.5, pt: 1, alignItems: 'center' }}>
          <TextField
            label={t('chooser.folder')}
            value={edit?.text ?? shown}
            onFocus={() => setEdit((before) => before ?? { text: shown, from: shown })}
            onChange={(event) => {
              const text = event.target.value;
              setEdit((before) => ({ from: shown, ...before, text }));
            }}
            onBlur={() => setEdit((before) => (before?.text === before?.from ? undefined : before))}
            onKeyDown={(event) => {
              if (event.key === 'Enter') goTo(event.currentTarget.querySelector('input')!.value);
            }}
          />
          <Tooltip title={data?.parent === undefined ? t('chooser.topmost') : t('chooser.up')}>
            <IconButton
              aria-label={t('chooser.up')}
              aria-disabled={data?.parent === undefined}
              onClick={up}
            >
              <ArrowUpward />
            </IconButton>
          </Tooltip>
          <Tooltip title={t('chooser.home')}>
            <IconButton aria-label={t('chooser.home')} onClick={() => goTo('')}>
              <HomeOutlined />
            </IconButton>
          </Tooltip>
        </Box>
        <Box sx={{ height: 4 }}>
          {isFetching && <LinearProgress aria-label={t('chooser.reading')} />}
        </Box>
        {error ? (
          <Alert severity="error">
            {explain(error).message} {explain(error).hint}
          </Alert>
        ) : null}
        <Box
          component="ul"
          ref={show}
          // A list box without options is none to a screen reader.
          role={entries.length > 0 ? 'listbox' : 'group'}
          tabIndex={0}
          aria-label={t('chooser.files')}
          aria-activedescendant={chosen ? `file-${active}` : undefined}
          onKeyDown={onKeyDown}
          sx={{
            m: 0,
            p: 0.5,
            listStyle: 'none',
            height: 320,
            overflowY: 'auto',
            border: 1,
            borderColor: 'divider',
            borderRadius: 1,
          }}
        >
          {entries.map((entry, index) => (
            <Box
              component="li"
              key={entry.path}
              id={`file-${index}`}
              role="option"
              aria-selected={index === active}
              onClick={() => setActive(index)}
              onDoubleClick={() => choose(entry)}
              sx={{
                display: 'flex',
                alignItems: 'center',
                gap: 1,
                px: 1,
                py: 0.5,
                borderRadius: 1,
                cursor: 'default',
                '&[aria-selected="true"]': {
                  bgcolor: 'color-mix(in srgb, var(--mui-palette-primary-main) 16%, transparent)',
                },
              }}
            >
              {entry.kind === 'folder' ? (
                <Folder fontSize="small" sx={{ color: 'secondary.main' }} />
              ) : (
                <InsertDriveFile fontSize="small" sx={{ color: 'text.secondary' }} />
              )}
              <Typography noWrap sx={{ flex: 1, fontSize: '0.875rem' }}>
                {entry.name}
              </Typography>
              {entry.size !== undefined && (
                <Typography variant="caption" sx={{ color: 'text.secondary' }}>
                  {formatSize(entry.size)}
                </Typography>
              )}
            </Box>
          ))}
          {data && entries.length === 0 && (
            <Typography sx={{ p: 1, color: 'text.secondary', fontSize: '0.875rem' }}>
              {t('chooser.nothing')}
            </Typography>
          )}
        </Box>
        <FormControlLabel
          control={
            <Switch
              size="small"
              checked={hidden}
              onChange={(event) => setHidden(event.target.checked)}
            />
          }
          label={t('chooser.hidden')}
        />
      </DialogContent>
      <DialogActions>
        <Button onClick={props.onClose}>{t('action.cancel')}</Button>
        <Button variant="contained" disabled={!chosen} onClick={() => choose(chosen)}>
          {chosen?.kind === 'folder' ? t('chooser.open') : t('chooser.choose')}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
