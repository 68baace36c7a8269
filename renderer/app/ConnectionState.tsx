import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { Logo } from '../components/Artwork.tsx';
import { useLibrary } from '../features/library/libraryStore.ts';
import { t } from '../i18n/i18n.ts';
import { useConnection } from '../transport/ConnectionContext.tsx';

export function ConnectionBanner() {
  const state = useLibrary((store) => store.connection);
  const known = useLibrary((store) => store.vms !== undefined);
  const { retryNow } = useConnection();
  const away = state.kind === 'lost' || (state.kind === 'connecting' && known);
  if (!away) return null;
  return (
    <Alert
      severity="warning"
      role="alert"
      sx={{ borderRadius: 0 }}
      action={
        <Button size="small" color="inherit" onClick={retryNow}>
          {t('connection.tryNow')}
        </Button>
      }
    >
      {t('connection.lost')}
    </Alert>
  );
}

export function Refused({ message, hint }: { readonly message: string; readonly hint: string }) {
  return (
    <Box
      role="alert"
      sx={{
        height: '100%',
        display: 'flex',
        flexDirection: 'column',
        alignItems: 'center',
        justifyContent: 'center',
        gap: 1.5,
        p: 3,
        textAlign: 'center',
      }}
    >
      <Logo size={64} />
      <Typography variant="h1">{message}</Typography>
      <Typography sx={{ color: 'text.secondary', maxWidth: 480 }}>{hint}</Typography>
    </Box>
  );
}
