import Close from '@mui/icons-material/Close';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import IconButton from '@mui/material/IconButton';
import LinearProgress from '@mui/material/LinearProgress';
import Link from '@mui/material/Link';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import type { Task } from '../../../shared/services/tasks.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { formatSize } from '../files/formatSize.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';
import { useTasks } from './taskStore.ts';

/** Long work: how far it is, with a way to end it; what came of it, until it is dismissed. */
export function Tasks() {
  const tasks = useTasks((store) => store.tasks);
  return (
    <Box
      component="section"
      aria-label={t('tasks.region')}
      sx={{ px: tasks.length ? 1.5 : 0, flexShrink: 0, maxHeight: '30%', overflowY: 'auto' }}
    >
      {tasks.map((task) => (
        <TaskRow key={task.id} task={task} />
      ))}
    </Box>
  );
}

function TaskRow({ task }: { readonly task: Task }) {
  const { tasks } = useConnection();
  const select = useLibrary((store) => store.select);
  const { id, kind, subject, state, done, total } = task;
  const running = state === 'running';
  const title = t(`tasks.${kind}.${state}`, { subject });
  const failure = task.error && explain(task.error);
  return (
    <Paper
      variant="outlined"
      role="group"
      aria-label={title}
      sx={{ display: 'flex', alignItems: 'center', gap: 2, px: 1.5, py: 0.5, mt: 1 }}
    >
      <Box sx={{ flex: 1, minWidth: 0 }}>
        <Typography
          role="status"
          sx={{
            fontSize: '0.875rem',
            fontWeight: 600,
            color: state === 'failed' ? 'error.main' : undefined,
          }}
        >
          {title}
        </Typography>
        {failure && (
          <Typography sx={{ fontSize: '0.85rem', overflowWrap: 'anywhere' }}>
            {failure.message} <b>{failure.hint}</b>
          </Typography>
        )}
        {running && (
          <Box sx={{ display: 'flex', alignItems: 'center', gap: 1.5 }}>
            <LinearProgress
              aria-label={title}
              sx={{ flex: 1 }}
              {...(total > 0 && {
                variant: 'determinate',
                value: Math.min(100, (100 * done) / total),
              })}
            />
            <Typography variant="caption" sx={{ color: 'text.secondary' }}>
              {total > 0 && t('tasks.amount', { done: formatSize(done), total: formatSize(total) })}
            </Typography>
          </Box>
        )}
        {running && task.step !== undefined && (
          <Typography variant="caption" noWrap component="p" sx={{ color: 'text.secondary' }}>
            {task.kind === 'gallery'
              ? t(`gallery.steps.${task.step as 'lists' | 'packages' | 'disk'}`)
              : task.step}
          </Typography>
        )}
      </Box>
      {state === 'done' && task.vmId !== undefined && (
        <Link component="button" onClick={() => select(task.vmId, 'details')}>
          {t('tasks.show')}
        </Link>
      )}
      {running ? (
        <Button size="small" onClick={() => void tasks.cancel(id)}>
          {t('action.cancel')}
        </Button>
      ) : (
        <IconButton
          size="small"
          aria-label={t('tasks.dismiss', { task: title })}
          onClick={() => void tasks.dismiss(id)}
        >
          <Close fontSize="small" />
        </IconButton>
      )}
    </Paper>
  );
}
