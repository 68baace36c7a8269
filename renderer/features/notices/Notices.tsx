import Alert from '@mui/material/Alert';
import AlertTitle from '@mui/material/AlertTitle';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import { t } from '../../i18n/i18n.ts';
import { useNotices } from './noticeStore.ts';

/** What went wrong, why, and what to do: newest first, until dismissed. Takes no room when empty. */
export function Notices() {
  const { notices, dismiss, dismissAll } = useNotices();
  return (
    <Box
      component="section"
      aria-label={t('notice.region')}
      aria-live="assertive"
      aria-relevant="additions"
      sx={{
        maxHeight: '38%',
        overflowY: 'auto',
        flexShrink: 0,
        display: 'flex',
        flexDirection: 'column',
        gap: 1,
        p: notices.length ? 1.5 : 0,
        pb: 0,
      }}
    >
      {notices.length > 1 && (
        <Box sx={{ display: 'flex', justifyContent: 'flex-end' }}>
          <Button size="small" onClick={dismissAll}>
            {t('notice.dismissAll', { count: notices.length })}
          </Button>
        </Box>
      )}
      {notices.map((notice) => (
        <Alert
          key={notice.id}
          role="group"
          aria-label={notice.title}
          severity={notice.severity}
          closeText={t('notice.dismiss')}
          onClose={() => dismiss(notice.id)}
          sx={{ py: 0.25, flexShrink: 0, border: 1, borderColor: `${notice.severity}.main` }}
        >
          <AlertTitle component="h3" sx={{ fontSize: '0.9rem', mb: 0.25 }}>
            {notice.title}
            {notice.times > 1 && ` ${t('notice.times', { count: notice.times })}`}
          </AlertTitle>
          <Box sx={{ overflowWrap: 'anywhere' }}>
            {notice.message}
            {notice.hint && (
              <Box component="span" sx={{ fontWeight: 600 }}>
                {' '}
                {notice.hint}
              </Box>
            )}
          </Box>
        </Alert>
      ))}
    </Box>
  );
}
