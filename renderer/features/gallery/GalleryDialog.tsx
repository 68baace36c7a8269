import Alert from '@mui/material/Alert';
import Button from '@mui/material/Button';
import Dialog from '@mui/material/Dialog';
import DialogActions from '@mui/material/DialogActions';
import DialogContent from '@mui/material/DialogContent';
import DialogContentText from '@mui/material/DialogContentText';
import DialogTitle from '@mui/material/DialogTitle';
import LinearProgress from '@mui/material/LinearProgress';
import { useQuery } from '@tanstack/react-query';
import { useState, type FormEvent } from 'react';
import { ChoiceList } from '../../components/ChoiceList.tsx';
import { FailureAlert } from '../../components/FailureAlert.tsx';
import { NameField, nameProblem } from '../../components/NameField.tsx';
import { currentLanguage, t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { formatSize } from '../files/formatSize.ts';
import { useLibrary } from '../library/libraryStore.ts';
import { explain } from '../notices/noticeStore.ts';

/** Chooses a ready-made guest; its building goes on as a task when the dialog has closed. */
export function GalleryDialog({ onClose }: { onClose(): void }) {
  const { gallery } = useConnection();
  const vms = useLibrary((store) => store.vms);
  const names = (vms ?? []).map(({ name }) => name.toLowerCase());
  const { data: list, error } = useQuery({
    queryKey: ['gallery'],
    queryFn: () => gallery.list(),
    retry: false,
    gcTime: 0,
  });
  const [chosen, setChosen] = useState<string>();
  const [typed, setTyped] = useState<string>();
  const [failure, setFailure] = useState<ReturnType<typeof explain>>();
  const [busy, setBusy] = useState(false);
  const guest = list?.guests.find(({ id }) => id === chosen) ?? list?.guests[0];
  const name = typed ?? (guest ? freeName(guest.name, names) : '');
  const problem = nameProblem(name);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (problem || !guest) return;
    setBusy(true);
    try {
      await gallery.create(guest.id, { name: name.trim() });
      onClose();
    } catch (reason) {
      setFailure(explain(reason));
      setBusy(false);
    }
  };
  return (
    <Dialog open onClose={onClose} fullWidth maxWidth="sm" aria-labelledby="gallery-title">
      <form noValidate onSubmit={(event) => void submit(event)}>
        <DialogTitle id="gallery-title">{t('gallery.title')}</DialogTitle>
        <DialogContent dividers sx={{ display: 'grid', gap: 2 }}>
          {!list && !error && <LinearProgress aria-label={t('gallery.loading')} />}
          {error && <FailureAlert failure={explain(error)} />}
          {failure && <FailureAlert failure={failure} />}
          {list?.problems.map((one) => (
            <Alert key={one.file} severity="warning">
              {t('gallery.problem', one)}
            </Alert>
          ))}
          {guest && (
            <>
              <ChoiceList
                label={t('gallery.guests')}
                value={guest.id}
                onChange={setChosen}
                choices={list!.guests.map(
                  ({ id, name: word, description, memoryMiB, diskMiB }) => ({
                    value: id,
                    word,
                    lines: [
                      description[currentLanguage()] ?? description['en'] ?? '',
                      t('gallery.facts', {
                        memory: memoryMiB,
                        disk: formatSize(diskMiB * 2 ** 20),
                      }),
                    ],
                  }),
                )}
              />
              <NameField value={name} problem={problem} onChange={setTyped} />
              <DialogContentText sx={{ fontSize: '0.85rem' }}>
                {t('gallery.mirror')} {t('gallery.first')}
              </DialogContentText>
            </>
          )}
        </DialogContent>
        <DialogActions>
          <Button onClick={onClose}>{t('action.cancel')}</Button>
          <Button type="submit" variant="contained" loading={busy} disabled={!guest}>
            {t('gallery.create')}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

/** `name`, or with a number if there is such a machine. */
function freeName(name: string, taken: readonly string[]): string {
  let free = name;
  for (let count = 2; taken.includes(free.toLowerCase()); count++) free = `${name} ${count}`;
  return free;
}
