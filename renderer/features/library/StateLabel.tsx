import HourglassTop from '@mui/icons-material/HourglassTop';
import PauseCircle from '@mui/icons-material/PauseCircle';
import PlayCircle from '@mui/icons-material/PlayCircle';
import PowerSettingsNew from '@mui/icons-material/PowerSettingsNew';
import ReportProblem from '@mui/icons-material/ReportProblem';
import Box from '@mui/material/Box';
import type { VmSummary } from '../../../shared/services/library.ts';

const appearances = {
  poweredOff: { Icon: PowerSettingsNew, word: 'Powered Off', color: 'text.secondary' },
  starting: { Icon: HourglassTop, word: 'Starting', color: 'secondary.main' },
  running: { Icon: PlayCircle, word: 'Running', color: 'success.main' },
  paused: { Icon: PauseCircle, word: 'Paused', color: 'secondary.main' },
  stopping: { Icon: HourglassTop, word: 'Stopping', color: 'secondary.main' },
  aborted: { Icon: ReportProblem, word: 'Aborted', color: 'error.main' },
  unusable: { Icon: ReportProblem, word: 'Unusable', color: 'error.main' },
} as const;

export function stateWord(vm: VmSummary): string {
  return appearances[vm.unusable ? 'unusable' : vm.state].word;
}

/** A machine's state as picture and word, told apart without colour too. */
export function StateLabel({ vm }: { readonly vm: VmSummary }) {
  const { Icon, word, color } = appearances[vm.unusable ? 'unusable' : vm.state];
  return (
    <Box
      component="span"
      sx={{ display: 'inline-flex', alignItems: 'center', gap: 0.5, color, fontSize: '0.8rem' }}
    >
      <Icon sx={{ fontSize: 16 }} aria-hidden="true" />
      {word}
    </Box>
  );
}
