import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import MenuItem from '@mui/material/MenuItem';
import TextField from '@mui/material/TextField';
import Typography from '@mui/material/Typography';
import { useState, type FormEvent } from 'react';
import { portForwardSchema, type PortForwardConfig } from '../../../shared/vm/network.ts';
import { t } from '../../i18n/i18n.ts';
import { explainInOne } from '../notices/noticeStore.ts';
import { RemovableLine } from './RemovableLine.tsx';

const empty = {
  protocol: 'tcp' as 'tcp' | 'udp',
  hostAddress: '127.0.0.1',
  hostPort: '',
  guestPort: '',
};

/** Ports of this computer that lead to the guest. Each change counts at once; what is wrong is said where it stands. */
export function ForwardsEditor(props: {
  readonly forwards: readonly PortForwardConfig[];
  save(forwards: readonly PortForwardConfig[]): Promise<void>;
}) {
  const { forwards, save } = props;
  const [draft, setDraft] = useState(empty);
  const [shown, setShown] = useState(false);
  const [failure, setFailure] = useState<string>();
  const parsed = portForwardSchema.safeParse({
    ...draft,
    hostPort: Number(draft.hostPort || NaN),
    guestPort: Number(draft.guestPort || NaN),
  });
  const wrong = new Set(parsed.error?.issues.map(({ path }) => path[0]));
  const taken =
    parsed.data &&
    forwards.some(
      ({ protocol, hostPort }) =>
        protocol === parsed.data.protocol && hostPort === parsed.data.hostPort,
    );
  const change = (changes: Partial<typeof empty>) => {
    setDraft({ ...draft, ...changes });
    setFailure(undefined);
  };
  const apply = async (next: readonly PortForwardConfig[]): Promise<void> => {
    try {
      await save(next);
      setFailure(undefined);
      setDraft(empty);
      setShown(false);
    } catch (error) {
      setFailure(explainInOne(error));
    }
  };
  const add = (event: FormEvent) => {
    event.preventDefault();
    setShown(true);
    if (parsed.data && !taken) void apply([...forwards, parsed.data]);
  };
  const port = (name: 'hostPort' | 'guestPort') => {
    const problem = !shown
      ? undefined
      : wrong.has(name)
        ? t('networkPage.port')
        : name === 'hostPort' && taken
          ? t('networkPage.taken')
          : undefined;
    return (
      <TextField
        label={t(`networkPage.${name}`)}
        value={draft[name]}
        error={problem !== undefined}
        helperText={problem}
        onChange={(event) => change({ [name]: event.target.value })}
        slotProps={{ htmlInput: { inputMode: 'numeric', autoComplete: 'off' } }}
      />
    );
  };
  return (
    <Box role="group" aria-label={t('networkPage.forwards')}>
      <Typography variant="h3" sx={{ mb: 1 }}>
        {t('networkPage.forwards')}
      </Typography>
      {forwards.length === 0 && (
        <Typography sx={{ fontSize: '0.875rem', color: 'text.secondary', mb: 1 }}>
          {t('networkPage.noForwards')}
        </Typography>
      )}
      {forwards.map((forward, index) => {
        const { protocol, hostAddress, hostPort, guestAddress, guestPort } = forward;
        const words = t('networkPage.forward', {
          ...{ protocol: protocol.toUpperCase(), hostAddress, hostPort, guestPort },
          guest: guestAddress ?? t('networkPage.guest'),
        });
        return (
          <RemovableLine
            key={index}
            words={words}
            remove={t('networkPage.remove', { forward: words })}
            onRemove={() => void apply(forwards.filter((_, at) => at !== index))}
          />
        );
      })}
      <Box
        component="form"
        noValidate
        onSubmit={add}
        sx={{ display: 'flex', gap: 1.5, mt: 1.5, alignItems: 'flex-start', maxWidth: 960 }}
      >
        <TextField
          select
          label={t('networkPage.protocol')}
          sx={{ width: 110, flexShrink: 0 }}
          value={draft.protocol}
          onChange={(event) => change({ protocol: event.target.value as 'tcp' | 'udp' })}
        >
          {(['tcp', 'udp'] as const).map((protocol) => (
            <MenuItem key={protocol} value={protocol}>
              {protocol.toUpperCase()}
            </MenuItem>
          ))}
        </TextField>
        <TextField
          label={t('networkPage.hostAddress')}
          value={draft.hostAddress}
          error={shown && wrong.has('hostAddress')}
          helperText={shown && wrong.has('hostAddress') && t('networkPage.address')}
          onChange={(event) => change({ hostAddress: event.target.value })}
        />
        {port('hostPort')}
        {port('guestPort')}
        <Button type="submit" variant="outlined" sx={{ flexShrink: 0 }}>
          {t('networkPage.add')}
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
