import Button from '@mui/material/Button';
import { useState } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useDialogs } from '../../app/dialogStore.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { FileChooser } from '../files/FileChooser.tsx';
import { askForFolder, wantsFolder } from '../library/askForFolder.ts';
import { report } from '../notices/noticeStore.ts';

/** One more SATA disk for a machine that runs. */
export function AttachDisk({ vm }: { readonly vm: VmSummary }) {
  const { session } = useConnection();
  const [choosing, setChoosing] = useState(false);
  const attach = (path: string, allowedFolders: readonly string[]): void => {
    const disk = { path, interface: 'ahci' as const, allowedFolders: [...allowedFolders] };
    session.attachDisk(vm.id, disk).catch((error: unknown) => {
      if (wantsFolder(error))
        askForFolder(vm.name, error, () => attach(path, [...allowedFolders, error.wanted.folder]));
      else report(t('hotPlug.attachFailed', { name: vm.name }), error);
    });
  };
  return (
    <>
      <Button size="small" onClick={() => setChoosing(true)} sx={{ py: 0, ml: -0.5 }}>
        {t('hotPlug.attach')}
      </Button>
      {choosing && (
        <FileChooser
          title={t('path.chooserTitle', { what: t('hotPlug.disk') })}
          start=""
          onClose={() => setChoosing(false)}
          onChoose={(path) => {
            setChoosing(false);
            attach(path, []);
          }}
        />
      )}
    </>
  );
}

/** Takes a SATA disk from a machine that runs, after a question. */
export function DetachDisk(props: {
  readonly vm: VmSummary;
  readonly index: number;
  /** The disk, for people: "Disk 1". */
  readonly name: string;
}) {
  const { vm, index, name } = props;
  const { session } = useConnection();
  const open = useDialogs((store) => store.open);
  const detach = (): void => {
    session
      .detachDisk(vm.id, index)
      .catch((error: unknown) =>
        report(t('hotPlug.detachFailed', { disk: name, name: vm.name }), error),
      );
  };
  const question = {
    title: t('hotPlug.ask', { disk: name, name: vm.name }),
    text: t('hotPlug.askText'),
    action: t('hotPlug.detach'),
    act: detach,
  };
  return (
    <Button
      size="small"
      aria-label={t('hotPlug.detachDisk', { disk: name })}
      onClick={() => open({ kind: 'confirm', question })}
      sx={{ py: 0, ml: 0.5 }}
    >
      {t('hotPlug.detach')}
    </Button>
  );
}
