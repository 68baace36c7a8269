import Album from '@mui/icons-material/AlbumOutlined';
import Storefront from '@mui/icons-material/CottageOutlined';
import Tune from '@mui/icons-material/Tune';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { useRef, type ReactNode } from 'react';
import { useDialogs } from '../../app/dialogStore.ts';
import { shortcutText } from '../../app/shortcuts.ts';
import { EmptyHouse } from '../../components/Artwork.tsx';
import { t } from '../../i18n/i18n.ts';
import { useLibrary } from '../library/libraryStore.ts';

/** The ways to a machine, for somebody who has none yet, and later for the next one. */
export function Home() {
  const open = useDialogs((store) => store.open);
  const none = useLibrary(({ vms }) => vms?.length === 0);
  const input = useRef<HTMLInputElement>(null);
  return (
    <Box
      sx={{
        flex: 1,
        minHeight: 0,
        overflowY: 'auto',
        display: 'flex',
        flexDirection: 'column',
        alignItems: 'center',
        textAlign: 'center',
        gap: 1.5,
        p: 3,
        '@media (min-height: 700px)': { justifyContent: 'center' },
      }}
    >
      <Box sx={{ '@media (max-height: 700px)': { display: 'none' } }}>
        <EmptyHouse />
      </Box>
      <Typography variant="h1">{none ? t('welcome.title') : t('home.title')}</Typography>
      <Typography sx={{ color: 'text.secondary', maxWidth: 520 }}>{t('home.text')}</Typography>
      <Box
        sx={{
          display: 'grid',
          gap: 2,
          width: '100%',
          maxWidth: 960,
          gridTemplateColumns: 'repeat(auto-fit, minmax(220px, 1fr))',
        }}
      >
        <Way
          icon={<Album fontSize="large" />}
          title={t('home.file')}
          text={t('home.fileText')}
          button={
            <Button variant="outlined" onClick={() => input.current?.click()}>
              {t('home.chooseFile')}
            </Button>
          }
        />
        <Way
          icon={<Storefront fontSize="large" />}
          title={t('gallery.way')}
          text={t('gallery.wayText')}
          button={
            <Button variant="outlined" onClick={() => open({ kind: 'gallery' })}>
              {t('gallery.choose')}
            </Button>
          }
        />
        <Way
          icon={<Tune fontSize="large" />}
          title={t('home.template')}
          text={t('home.templateText', { key: shortcutText('newVm') })}
          button={
            <Button variant="contained" onClick={() => open({ kind: 'newVm' })}>
              {none ? t('welcome.create') : t('home.create')}
            </Button>
          }
        />
      </Box>
      <Button onClick={() => open({ kind: 'import' })}>{t('transfer.way')}</Button>
      <input
        ref={input}
        type="file"
        multiple
        hidden
        aria-label={t('home.chooseFile')}
        onChange={(event) => {
          const files = [...(event.target.files ?? [])];
          event.target.value = '';
          if (files.length > 0) open({ kind: 'dropped', files, vmId: undefined });
        }}
      />
    </Box>
  );
}

function Way(props: {
  readonly icon: ReactNode;
  readonly title: string;
  readonly text: string;
  readonly button: ReactNode;
}) {
  return (
    <Paper
      variant="outlined"
      component="section"
      aria-label={props.title}
      sx={{
        p: 2.5,
        display: 'flex',
        flexDirection: 'column',
        alignItems: 'center',
        gap: 1,
        '& > svg': { color: 'primary.main' },
      }}
    >
      {props.icon}
      <Typography variant="h2">{props.title}</Typography>
      <Typography sx={{ color: 'text.secondary', fontSize: '0.875rem', flex: 1 }}>
        {props.text}
      </Typography>
      {props.button}
    </Paper>
  );
}
