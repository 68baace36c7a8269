import ArrowDropDown from '@mui/icons-material/ArrowDropDown';
import Button from '@mui/material/Button';
import Menu from '@mui/material/Menu';
import MenuItem from '@mui/material/MenuItem';
import { useState } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import type { MediumDrive } from '../../../shared/services/session.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { FileChooser } from '../files/FileChooser.tsx';
import { report } from '../notices/noticeStore.ts';
import { splitPath } from '../vmForm/vmDraft.ts';

/** Another medium for a drive, or none; the machine may be running. */
export function MediumMenu(props: {
  readonly vm: VmSummary;
  readonly drive: MediumDrive;
  /** The drive, for people: "CD-ROM 1". */
  readonly name: string;
  readonly path: string | undefined;
}) {
  const { vm, drive, name, path } = props;
  const { session } = useConnection();
  const [anchor, setAnchor] = useState<HTMLElement | null>(null);
  const [choosing, setChoosing] = useState(false);
  const put = (next: string | null) => {
    session
      .changeMedium(vm.id, drive, next)
      .catch((error: unknown) => report(t('medium.failed', { drive: name, name: vm.name }), error));
  };
  return (
    <>
      <Button
        size="small"
        aria-label={t('medium.change', { drive: name })}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        onClick={(event) => setAnchor(event.currentTarget)}
        endIcon={<ArrowDropDown />}
        sx={{ py: 0, ml: 0.5 }}
      >
        {t('medium.word')}
      </Button>
      <Menu anchorEl={anchor} open={anchor !== null} onClose={() => setAnchor(null)}>
        <MenuItem
          dense
          onClick={() => {
            setAnchor(null);
            setChoosing(true);
          }}
        >
          {t('medium.choose')}
        </MenuItem>
        <MenuItem
          dense
          disabled={path === undefined}
          onClick={() => {
            setAnchor(null);
            put(null);
          }}
        >
          {t('medium.eject')}
        </MenuItem>
      </Menu>
      {choosing && (
        <FileChooser
          title={t('path.chooserTitle', { what: name })}
          start={path === undefined ? '' : splitPath(path).folder}
          onClose={() => setChoosing(false)}
          onChoose={(chosen) => {
            setChoosing(false);
            put(chosen);
          }}
        />
      )}
    </>
  );
}
