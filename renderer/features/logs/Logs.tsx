import Save from '@mui/icons-material/SaveAltOutlined';
import Search from '@mui/icons-material/Search';
import Alert from '@mui/material/Alert';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import FormControlLabel from '@mui/material/FormControlLabel';
import InputAdornment from '@mui/material/InputAdornment';
import Switch from '@mui/material/Switch';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useEffect, useRef, useState } from 'react';
import type { VmSummary } from '../../../shared/services/library.ts';
import { monospace } from '../../app/theme.ts';
import { currentLanguage, t } from '../../i18n/i18n.ts';
import { saveBlob } from '../files/saveBlob.ts';
import { logLine, splitAtMatches, type LogLine } from './logLines.ts';
import { useLog } from './useLog.ts';

/** A machine's log: searched, filtered, followed, saved. */
export function Logs({ vm }: { readonly vm: VmSummary }) {
  const { lines, problem } = useLog(vm.id);
  const [wanted, setWanted] = useState('');
  const [onlyMatches, setOnlyMatches] = useState(false);
  const [following, setFollowing] = useState(true);
  const view = useRef<HTMLDivElement>(null);
  const language = currentLanguage();
  const isMatch = (line: string) => line.toLowerCase().includes(wanted.toLowerCase());
  const matches = wanted === '' ? 0 : lines.filter(isMatch).length;
  const shown = lines
    .map((line, number) => logLine(line, number, language))
    .filter(({ text }) => !onlyMatches || wanted === '' || isMatch(text));

  useEffect(() => {
    if (following) view.current?.scrollTo({ top: view.current.scrollHeight });
  }, [following, lines, onlyMatches, wanted]);

  return (
    <Box sx={{ display: 'flex', flexDirection: 'column', flex: 1, minHeight: 0 }}>
      <Box
        role="toolbar"
        aria-label={t('logs.toolbar')}
        sx={{ display: 'flex', flexWrap: 'wrap', alignItems: 'center', gap: 1.5, px: 2, py: 1 }}
      >
        <TextField
          type="search"
          label={t('logs.search')}
          fullWidth={false}
          sx={{ width: 260 }}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
          slotProps={{
            input: {
              startAdornment: (
                <InputAdornment position="start">
                  <Search fontSize="small" />
                </InputAdornment>
              ),
            },
          }}
        />
        <Typography role="status" variant="caption" sx={{ color: 'text.secondary', minWidth: 72 }}>
          {wanted !== '' && t('logs.matches', { count: matches })}
        </Typography>
        <FormControlLabel
          control={
            <Switch
              size="small"
              checked={onlyMatches}
              onChange={(event) => setOnlyMatches(event.target.checked)}
            />
          }
          label={t('logs.onlyMatches')}
        />
        <FormControlLabel
          control={
            <Switch
              size="small"
              checked={following}
              onChange={(event) => setFollowing(event.target.checked)}
            />
          }
          label={t('logs.follow')}
        />
        <Box sx={{ flex: 1 }} />
        <Button
          startIcon={<Save />}
          onClick={() =>
            saveBlob(new Blob([lines.map((line) => `${line}\n`).join('')]), `${vm.name}.log`)
          }
        >
          {t('logs.save')}
        </Button>
      </Box>
      {problem !== undefined && (
        <Alert severity="error" sx={{ borderRadius: 0 }}>
          {problem}
        </Alert>
      )}
      <Box
        ref={view}
        role="log"
        aria-label={t('logs.of', { name: vm.name })}
        aria-live="off"
        tabIndex={0}
        // Looking at earlier lines ends following; going to the end begins it again.
        onScroll={({ currentTarget: { scrollTop, scrollHeight, clientHeight } }) =>
          setFollowing(scrollHeight - scrollTop - clientHeight < 24)
        }
        sx={{
          flex: 1,
          minHeight: 0,
          overflow: 'auto',
          borderTop: 1,
          borderColor: 'divider',
          bgcolor: 'background.paper',
          fontFamily: monospace,
          fontSize: '0.8rem',
          py: 1,
          outlineOffset: '-3px !important',
        }}
      >
        {shown.map((line) => (
          <LineRow key={line.number} line={line} wanted={wanted} />
        ))}
        {lines.length === 0 && (
          <Typography sx={{ px: 2, color: 'text.secondary', fontSize: '0.875rem' }}>
            {t('logs.empty')}
          </Typography>
        )}
      </Box>
    </Box>
  );
}

function LineRow({ line, wanted }: { readonly line: LogLine; readonly wanted: string }) {
  return (
    <Box
      sx={{
        display: 'flex',
        gap: 2,
        px: 2,
        // Long logs: what is not in view is not laid out.
        contentVisibility: 'auto',
        containIntrinsicSize: 'auto 20px',
      }}
    >
      <Box component="span" sx={{ color: 'text.secondary', whiteSpace: 'nowrap' }}>
        {line.time}
      </Box>
      <Box component="span" sx={{ whiteSpace: 'pre-wrap', overflowWrap: 'anywhere' }}>
        {splitAtMatches(line.text, wanted).map(({ text, match }, index) =>
          match ? <mark key={index}>{text}</mark> : text,
        )}
      </Box>
    </Box>
  );
}
