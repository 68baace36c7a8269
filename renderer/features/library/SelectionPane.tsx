import Box from '@mui/material/Box';
import Link from '@mui/material/Link';
import Paper from '@mui/material/Paper';
import Typography from '@mui/material/Typography';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useLibrary } from './libraryStore.ts';
import { StateLabel } from './StateLabel.tsx';

/** Instead of one machine's details: what is selected. The toolbar is for all of them. */
export function SelectionPane({ vms }: { readonly vms: readonly VmSummary[] }) {
  const select = useLibrary((store) => store.select);
  const live = vms.filter(({ state }) => state === 'running').length;
  return (
    <Box tabIndex={0} sx={{ p: 2, overflowY: 'auto', minHeight: 0, outlineOffset: -3 }}>
      <Typography variant="h1" aria-live="polite">
        {t('list.selected', { count: vms.length })}
      </Typography>
      <Typography sx={{ color: 'text.secondary', mb: 2, fontSize: '0.875rem' }}>
        {t('list.selectedHelp', { count: live })}
      </Typography>
      <Paper variant="outlined" component="ul" sx={{ m: 0, p: 1, listStyle: 'none' }}>
        {vms.map((vm) => (
          <Box
            component="li"
            key={vm.id}
            sx={{ display: 'flex', alignItems: 'center', gap: 2, px: 1, py: 0.5 }}
          >
            <Link
              component="button"
              underline="hover"
              noWrap
              sx={{ flex: 1, textAlign: 'left', fontSize: '0.9rem' }}
              onClick={() => select(vm.id)}
            >
              {vm.name}
            </Link>
            <StateLabel vm={vm} />
          </Box>
        ))}
      </Paper>
    </Box>
  );
}
