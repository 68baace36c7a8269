import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Chip from '@mui/material/Chip';
import LinearProgress from '@mui/material/LinearProgress';
import Link from '@mui/material/Link';
import Paper from '@mui/material/Paper';
import Table from '@mui/material/Table';
import TableBody from '@mui/material/TableBody';
import TableCell from '@mui/material/TableCell';
import TableContainer from '@mui/material/TableContainer';
import TableHead from '@mui/material/TableHead';
import TableRow from '@mui/material/TableRow';
import Typography from '@mui/material/Typography';
import { useQuery, useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { MediumEntry } from '../../../shared/services/media.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { monospace } from '../../app/theme.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { FileChooser } from '../files/FileChooser.tsx';
import { formatSize } from '../files/formatSize.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { explain, report } from '../notices/noticeStore.ts';
import { useTasks } from '../tasks/taskStore.ts';
import { splitPath } from '../vmForm/vmDraft.ts';
import { ConvertDialog, NewDiskDialog, ResizeDialog } from './MediumDialogs.tsx';

/** Every image that machines use or that lies in the library: who uses it, and what can be done to it. */
export function MediaPage() {
  const { media } = useConnection();
  const queries = useQueryClient();
  const vms = useLibrary((store) => store.vms);
  // Cancelled and failed ones have locked images too, while they ran.
  const ended = useTasks((store) =>
    store.tasks
      .filter(({ state }) => state !== 'running')
      .map(({ id }) => id)
      .join(),
  );
  const [dialog, setDialog] = useState<{
    readonly kind: 'new' | 'convert' | 'resize' | 'relocate';
    readonly entry?: MediumEntry;
  }>();
  const { data, error } = useQuery({
    queryKey: ['media'],
    queryFn: () => media.list(),
    retry: false,
  });
  const refresh = () => void queries.invalidateQueries({ queryKey: ['media'] });
  useEffect(refresh, [queries, vms, ended]);
  const close = () => {
    setDialog(undefined);
    refresh();
  };
  const remove = ({ path }: MediumEntry) =>
    useDialogs.getState().open({
      kind: 'confirm',
      question: {
        title: t('mediaPage.removeTitle', { name: splitPath(path).name }),
        text: t('mediaPage.removeText', { path }),
        action: t('command.delete'),
        act: () => {
          media
            .remove(path)
            .catch((failure: unknown) => report(t('mediaPage.failed', { path }), failure))
            .finally(refresh);
        },
      },
    });
  return (
    <Box tabIndex={0} sx={{ p: 2, overflowY: 'auto', minHeight: 0, outlineOffset: -3 }}>
      <Box sx={{ display: 'flex', alignItems: 'center', mb: 2 }}>
        <Typography variant="h1" sx={{ flex: 1 }}>
          {t('mediaPage.title')}
        </Typography>
        <Button variant="contained" onClick={() => setDialog({ kind: 'new' })}>
          {t('mediaPage.new')}
        </Button>
      </Box>
      {error && <Alert severity="error">{explain(error).message}</Alert>}
      {!data && !error && <LinearProgress aria-label={t('mediaPage.loading')} />}
      {data?.length === 0 && (
        <Typography sx={{ color: 'text.secondary' }}>{t('mediaPage.none')}</Typography>
      )}
      {data && data.length > 0 && (
        <TableContainer component={Paper} variant="outlined">
          <Table size="small" aria-label={t('mediaPage.title')}>
            <TableHead>
              <TableRow>
                {(['file', 'kind', 'size', 'users', 'actions'] as const).map((column) => (
                  <TableCell key={column}>{t(`mediaPage.${column}`)}</TableCell>
                ))}
              </TableRow>
            </TableHead>
            <TableBody>
              {data.map((entry) => (
                <MediumRow
                  key={entry.path}
                  entry={entry}
                  open={(kind) => setDialog({ kind, entry })}
                  remove={() => remove(entry)}
                />
              ))}
            </TableBody>
          </Table>
        </TableContainer>
      )}
      {dialog?.kind === 'new' && <NewDiskDialog onClose={close} />}
      {dialog?.kind === 'convert' && <ConvertDialog entry={dialog.entry!} onClose={close} />}
      {dialog?.kind === 'resize' && <ResizeDialog entry={dialog.entry!} onClose={close} />}
      {dialog?.kind === 'relocate' && (
        <FileChooser
          title={t('mediaPage.relocateTitle', { name: splitPath(dialog.entry!.path).name })}
          start=""
          onClose={close}
          onChoose={(to) => {
            const { path } = dialog.entry!;
            media
              .relocate(path, to)
              .catch((failure: unknown) => report(t('mediaPage.failed', { path }), failure))
              .finally(close);
          }}
        />
      )}
    </Box>
  );
}

function MediumRow(props: {
  readonly entry: MediumEntry;
  open(kind: 'convert' | 'resize' | 'relocate'): void;
  remove(): void;
}) {
  const { entry, open } = props;
  const select = useLibrary((store) => store.select);
  const { folder, name } = splitPath(entry.path);
  const missing = entry.fileSize === undefined && !entry.remote;
  const live = entry.users.some((user) => user.live);
  const usable =
    entry.fileSize !== undefined && entry.as === 'disk' && entry.problem === undefined && !live;
  const action = (kind: 'convert' | 'resize' | 'relocate') => (
    <Button
      size="small"
      aria-label={t(`mediaPage.${kind}Of`, { name })}
      onClick={() => open(kind)}
      sx={{ minWidth: 0 }}
    >
      {t(`mediaPage.${kind}`)}
    </Button>
  );
  return (
    <TableRow>
      <TableCell sx={{ overflowWrap: 'anywhere' }}>
        <b>{name}</b> {entry.remote && <Chip size="small" label={t('mediaPage.remote')} />}
        {missing && <Chip size="small" color="error" label={t('mediaPage.missing')} />}
        <Typography
          variant="caption"
          component="p"
          sx={{ color: 'text.secondary', fontFamily: monospace }}
        >
          {folder}
        </Typography>
        {entry.backing !== undefined && (
          <Typography variant="caption" component="p" sx={{ color: 'text.secondary' }}>
            {t('mediaPage.buildsOn', { path: splitPath(entry.backing).name })}
          </Typography>
        )}
        {entry.problem !== undefined && (
          <Typography variant="caption" component="p" color="error">
            {entry.problem}
          </Typography>
        )}
      </TableCell>
      <TableCell>
        {entry.format === undefined
          ? t(`mediaPage.as.${entry.as}`)
          : t(`newDisk.formats.${entry.format}`)}
      </TableCell>
      <TableCell sx={{ whiteSpace: 'nowrap' }}>
        {entry.diskSize !== undefined && <div>{formatSize(entry.diskSize)}</div>}
        {entry.storedSize !== undefined && (
          <Typography variant="caption" sx={{ color: 'text.secondary' }}>
            {t('mediaPage.takes', { size: formatSize(entry.storedSize) })}
          </Typography>
        )}
      </TableCell>
      <TableCell>
        {entry.users.map((user) => (
          <div key={user.vmId}>
            <Link component="button" onClick={() => select(user.vmId, 'details')}>
              {user.name}
            </Link>
            {user.live && ` (${t('state.running')})`}
          </div>
        ))}
      </TableCell>
      <TableCell>
        {usable && action('convert')}
        {usable && action('resize')}
        {missing && !live && action('relocate')}
        {entry.users.length === 0 && entry.fileSize !== undefined && (
          <Button
            size="small"
            color="error"
            aria-label={t('mediaPage.removeOf', { name })}
            onClick={props.remove}
            sx={{ minWidth: 0 }}
          >
            {t('command.delete')}
          </Button>
        )}
        {live && <Typography variant="caption">{t('mediaPage.live')}</Typography>}
      </TableCell>
    </TableRow>
  );
}
