import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import Box from '@mui/material/Box';
import { t } from '../../i18n/i18n.ts';
import { hostKeyName, hostKeys } from '../screen/hostKey.ts';

/** The host key and what it does with others. */
export function KeysDialog({ onClose }: { onClose(): void }) {
  const rows: readonly (readonly [key: string, word: string])[] = [
    [hostKeyName(), t('vmWindow.leaves')],
    [hostKeys('fullScreen'), t('vmWindow.fullScreen')],
    [hostKeys('scaled'), t('vmWindow.mode.scaled')],
    [hostKeys('screenshot'), t('vmWindow.screenshot')],
    [hostKeys('snapshot'), t('vmWindow.snapshot')],
    [hostKeys('pause'), t('command.pause')],
    [hostKeys('reset'), t('menu.reset')],
    [hostKeys('shutDown'), t('command.shutDown')],
    [hostKeys('close'), t('vmWindow.close')],
    [hostKeys('ctrlAltDelete'), t('vmWindow.ctrlAltDelete')],
  ];
  return (
    <Dialog open onClose={onClose} aria-labelledby="keys-title">
      <DialogTitle id="keys-title">{t('vmWindow.keysTitle')}</DialogTitle>
      <DialogContent>
        <Box
          component="dl"
          sx={{ m: 0, display: 'grid', gridTemplateColumns: 'auto 1fr', columnGap: 3, rowGap: 1 }}
        >
          {rows.map(([key, word]) => (
            <Box key={key} sx={{ display: 'contents' }}>
              <Box component="dt" sx={{ fontWeight: 650 }}>
                {key}
              </Box>
              <Box component="dd" sx={{ m: 0 }}>
                {word}
              </Box>
            </Box>
          ))}
        </Box>
      </DialogContent>
      <DialogActions>
        <Button autoFocus onClick={onClose}>
          {t('action.ok')}
        </Button>
      </DialogActions>
    </Dialog>
  );
}
