import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState, type FormEvent } from 'react';
import { linkConditionsSchema, type LinkConditions } from '../../../shared/net/linkConditions.ts';
import type { AdapterChange, AdapterStatus } from '../../../shared/net/networkStatus.ts';
import { monospace } from '../../app/theme.ts';
import { t } from '../../i18n/i18n.ts';
import { explainInOne } from '../notices/noticeStore.ts';

const fields = ['rate', 'latency', 'jitter', 'loss', 'reorder'] as const;
type Field = (typeof fields)[number];
/** A rate is shown in Mbit/s. */
const unit: Record<Field, number> = { rate: 1e6, latency: 1, jitter: 1, loss: 1, reorder: 1 };

const textsOf = (conditions: LinkConditions = {}): Record<Field, string> =>
  Object.fromEntries(
    fields.map((field) => {
      const value = conditions[field];
      return [field, value === undefined ? '' : String(value / unit[field])];
    }),
  ) as Record<Field, string>;

/** How bad a running machine's line is, and the capture of what passes it. */
export function LineEditor(props: {
  readonly status: AdapterStatus;
  change(change: AdapterChange): Promise<void>;
}) {
  const { status, change } = props;
  const [draft, setDraft] = useState<Record<Field, string>>();
  const [wrong, setWrong] = useState<ReadonlySet<Field>>(new Set());
  const [path, setPath] = useState('');
  const [failure, setFailure] = useState<string>();
  const texts = draft ?? textsOf(status.conditions);
  const attempt = async (changes: AdapterChange): Promise<void> => {
    try {
      await change(changes);
      setFailure(undefined);
      setDraft(undefined);
    } catch (error) {
      setFailure(explainInOne(error));
    }
  };
  const apply = (event: FormEvent) => {
    event.preventDefault();
    const given = fields.filter((field) => texts[field].trim() !== '');
    const parsed = linkConditionsSchema.safeParse(
      Object.fromEntries(given.map((field) => [field, Number(texts[field]) * unit[field]])),
    );
    setWrong(new Set(parsed.error?.issues.map((issue) => issue.path[0] as Field)));
    if (parsed.success) void attempt({ conditions: parsed.data });
  };
  const capture = (event: FormEvent) => {
    event.preventDefault();
    if (status.capture !== undefined) void attempt({ capture: null });
    else if (path.trim() !== '') void attempt({ capture: path.trim() });
  };
  const row = {
    display: 'flex',
    gap: 1.5,
    mt: 1.5,
    alignItems: 'flex-start',
    maxWidth: 960,
  } as const;
  return (
    <Box role="group" aria-label={t('networkPage.line')} sx={{ mt: 2 }}>
      <Typography variant="h3">{t('networkPage.line')}</Typography>
      <Box
        component="form"
        noValidate
        onSubmit={apply}
        sx={{ ...row, flexWrap: 'wrap', '& .MuiTextField-root': { flex: '1 1 140px' } }}
      >
        {fields.map((field) => (
          <TextField
            key={field}
            label={t(`networkPage.conditions.${field}`)}
            value={texts[field]}
            error={wrong.has(field)}
            helperText={wrong.has(field) && t('networkPage.wrongCondition')}
            onChange={(event) => setDraft({ ...texts, [field]: event.target.value })}
            slotProps={{ htmlInput: { inputMode: 'decimal', autoComplete: 'off' } }}
          />
        ))}
        <Button type="submit" variant="outlined" sx={{ flexShrink: 0 }}>
          {t('networkPage.apply')}
        </Button>
      </Box>
      <Box component="form" noValidate onSubmit={capture} sx={{ ...row, alignItems: 'center' }}>
        {status.capture === undefined ? (
          <TextField
            label={t('networkPage.captureFile')}
            value={path}
            sx={{ flexGrow: 1 }}
            onChange={(event) => setPath(event.target.value)}
          />
        ) : (
          <span style={{ fontFamily: monospace, fontSize: '0.85rem' }}>
            {t('networkPage.capturing', { path: status.capture })}
          </span>
        )}
        <Button type="submit" variant="outlined" sx={{ flexShrink: 0 }}>
          {t(status.capture === undefined ? 'networkPage.capture' : 'networkPage.stopCapture')}
        </Button>
      </Box>
      {failure !== undefined && (
        <Typography color="error" role="alert" variant="caption">
          {failure}
        </Typography>
      )}
    </Box>
  );
}
