import Album from '@mui/icons-material/AlbumOutlined';
import Computer from '@mui/icons-material/ComputerOutlined';
import Lan from '@mui/icons-material/LanOutlined';
import Settings from '@mui/icons-material/TuneOutlined';
import Speed from '@mui/icons-material/Speed';
import Home from '@mui/icons-material/HomeOutlined';
import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import { useLibrary, type Page } from '../features/library/libraryStore.ts';
import { t } from '../i18n/i18n.ts';
import { narrow } from './theme.ts';

const pages: readonly { readonly page: Page; readonly Icon: typeof Home }[] = [
  { page: 'home', Icon: Home },
  { page: 'machines', Icon: Computer },
  { page: 'media', Icon: Album },
  { page: 'network', Icon: Lan },
  { page: 'activity', Icon: Speed },
  { page: 'preferences', Icon: Settings },
];

/** At the left edge: the pages of the manager. */
export function ToolsRail() {
  const shown = useLibrary((store) => store.page);
  const showPage = useLibrary((store) => store.showPage);
  return (
    <Box
      component="nav"
      aria-label={t('rail.name')}
      sx={{
        width: 80,
        flexShrink: 0,
        display: 'flex',
        flexDirection: 'column',
        gap: 0.5,
        p: 0.5,
        [narrow]: { width: 72, p: 0.25 },
        borderRight: 1,
        borderColor: 'divider',
        bgcolor: 'background.paper',
        overflowY: 'auto',
      }}
    >
      {pages.map(({ page, Icon }) => (
        <ButtonBase
          key={page}
          aria-current={page === shown ? 'page' : undefined}
          onClick={() => showPage(page)}
          sx={{
            flexDirection: 'column',
            gap: 0.25,
            py: 0.75,
            borderRadius: 1,
            fontSize: '0.7rem',
            fontFamily: 'inherit',
            fontWeight: 600,
            color: 'text.secondary',
            '&:hover': { bgcolor: 'action.hover' },
            '&[aria-current="page"]': {
              color: 'primary.main',
              bgcolor: 'color-mix(in srgb, var(--mui-palette-primary-main) 12%, transparent)',
            },
          }}
        >
          <Icon />
          {t(`rail.${page}`)}
        </ButtonBase>
      ))}
    </Box>
  );
}
