import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogTitle from '@mui/material/DialogTitle';
import { useState, type FormEvent } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { ChoiceList } from '../../components/ChoiceList.tsx';
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
          <ChoiceList<Way>
            autoFocus
            label={t('close.what')}
            value={way}
            onChange={setWay}
            choices={ways.map((one) => ({
              value: one,
              word: t(`close.${one}`),
              lines: [why(one) ?? t(`close.${one}Text`)],
              disabled: why(one) !== undefined,
            }))}
          />
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
