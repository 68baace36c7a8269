import HourglassTop from '@mui/icons-material/HourglassTop';
import PauseCircle from '@mui/icons-material/PauseCircle';
import PlayCircle from '@mui/icons-material/PlayCircle';
import PowerSettingsNew from '@mui/icons-material/PowerSettingsNew';
import ReportProblem from '@mui/icons-material/ReportProblem';
import Save from '@mui/icons-material/Save';
import Box from '@mui/material/Box';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';

const appearances = {
  poweredOff: { Icon: PowerSettingsNew, color: 'text.secondary' },
  saved: { Icon: Save, color: 'secondary.main' },
  starting: { Icon: HourglassTop, color: 'secondary.main' },
  running: { Icon: PlayCircle, color: 'success.main' },
  paused: { Icon: PauseCircle, color: 'secondary.main' },
  stopping: { Icon: HourglassTop, color: 'secondary.main' },
  aborted: { Icon: ReportProblem, color: 'error.main' },
  unusable: { Icon: ReportProblem, color: 'error.main' },
} as const;

export function stateWord(vm: VmSummary): string {
  return t(`state.${vm.unusable ? 'unusable' : vm.state}`);
}

/** A machine's state as picture and word, told apart without colour too. */
export function StateLabel({ vm }: { readonly vm: VmSummary }) {
  const { Icon, color } = appearances[vm.unusable ? 'unusable' : vm.state];
  return (
    <Box
      component="span"
      sx={{
        ...{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color },
        ...{ fontSize: '0.8rem', whiteSpace: 'nowrap' },
      }}
    >
      <Icon sx={{ fontSize: 16 }} aria-hidden="true" />
      {stateWord(vm)}
    </Box>
  );
}
