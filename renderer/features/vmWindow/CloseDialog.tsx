import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import FormControlLabel from '@mui/material/FormControlLabel';
import Radio from '@mui/material/Radio';
import RadioGroup from '@mui/material/RadioGroup';
import Typography from '@mui/material/Typography';
import { useState, type FormEvent } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { whyNot } from '../library/commands.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { report } from '../notices/noticeStore.ts';
import { closeOwnWindow, ownVmId } from './ownWindow.ts';

const ways = ['keep', 'saveState', 'shutDown', 'powerOff'] as const;
type Way = (typeof ways)[number];

/** What becomes of a machine whose screen is closed. */
export function CloseDialog({ vm, onClose }: { readonly vm: VmSummary; onClose(): void }) {
  const { session, snapshots } = useConnection();
  const [way, setWay] = useState<Way>('keep');
  const why = (one: Way): string | undefined => (one === 'keep' ? undefined : whyNot(one, vm));

  const submit = async (event: FormEvent) => {
    event.preventDefault();
    onClose();
    if (way !== 'keep') {
      const acts = {
        saveState: () => snapshots.saveState(vm.id),
        shutDown: () => session.stop(vm.id, 'acpi'),
        powerOff: () => session.stop(vm.id, 'powerOff'),
      };
      try {
        await acts[way]();
      } catch (error) {
        return report(t(`failed.${way}`, { name: vm.name }), error);
      }
      // Whether it does shut down is seen on its screen.
      if (way === 'shutDown') return;
    }
    if (ownVmId() !== undefined) closeOwnWindow();
    else useLibrary.getState().showTab('details');
  };

  return (
    <Dialog open onClose={onClose} aria-labelledby="close-title">
      <form onSubmit={(event) => void submit(event)}>
        <DialogTitle id="close-title">{t('close.title', { name: vm.name })}</DialogTitle>
        <DialogContent>
          <RadioGroup
            aria-label={t('close.what')}
            value={way}
            onChange={(_, next) => setWay(next as Way)}
            sx={{ gap: 1, pt: 1 }}
          >
            {ways.map((one, index) => (
              <FormControlLabel
                key={one}
                value={one}
                disabled={why(one) !== undefined}
                control={<Radio autoFocus={index === 0} />}
                sx={{ alignItems: 'flex-start', '& .MuiRadio-root': { mt: -0.75 } }}
                label={
                  <>
                    {t(`close.${one}`)}
                    <Typography
                      variant="caption"
                      component="span"
                      sx={{ display: 'block', color: 'text.secondary' }}
                    >
                      {why(one) ?? t(`close.${one}Text`)}
                    </Typography>
                  </>
                }
              />
            ))}
          </RadioGroup>
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained">
            {t('action.ok')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}
