import Box from '@mui/material/Box';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import { t } from '../i18n/i18n.ts';
import { Logo } from '../components/Artwork.tsx';
import { useLibrary } from '../features/library/libraryStore.ts';
import { useConnection } from '../transport/ConnectionContext.tsx';
import { low } from './theme.ts';

/** Below the list: which Guesthouse this is, and where its machines are kept. */
export function AboutHost() {
  const { host } = useConnection();
  const online = useLibrary((store) => store.connection.kind === 'open');
  const { data: info } = useQuery({
    queryKey: ['host'],
    queryFn: () => host.info(),
    staleTime: Infinity,
    enabled: online,
  });
  return (
    <Box
      component="footer"
      sx={{
        display: 'flex',
        alignItems: 'center',
        gap: 1.25,
        p: 1.5,
        borderTop: 1,
        borderColor: 'divider',
        [low]: { display: 'none' },
      }}
    >
      <Logo size={26} />
      <Box sx={{ minWidth: 0 }}>
        <Typography sx={{ fontWeight: 650, fontSize: '0.85rem' }}>
          {t('app.version', { version: info?.version ?? '' })}
        </Typography>
        {info && (
          <Typography
            noWrap
            variant="caption"
            sx={{ color: 'text.secondary', display: 'block' }}
            title={t('app.keptIn', { folder: info.libraryFolder })}
          >
            {info.libraryFolder}
          </Typography>
        )}
      </Box>
    </Box>
  );
}
