import CheckCircleOutlined from '@mui/icons-material/CheckCircleOutlined';
import InfoOutlined from '@mui/icons-material/InfoOutlined';
import Box from '@mui/material/Box';
import Button from '@mui/material/Button';
import Typography from '@mui/material/Typography';
import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { kvmVerdict } from '../../../shared/vm/kvmFinding.ts';
import { t } from '../../i18n/i18n.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { explain } from '../notices/noticeStore.ts';

/** Which engines machines can run on here; why one cannot be used, and what to do. As `guesthouse doctor` says it. */
export function EnginesSection() {
  const { host } = useConnection();
  const { data, error, isFetching, refetch } = useQuery({
    queryKey: ['probeKvm'],
    queryFn: () => host.probeKvm(),
    staleTime: Infinity,
    retry: false,
  });
  const verdict = data && kvmVerdict(data);
  const found = verdict
    ? explain({ message: verdict.reason, hint: verdict.remedy })
    : error
      ? explain(error)
      : { message: t('engines.trying') };
  return (
    <>
      <Engine name={t('system.engines.translator')} usable>
        {t('engines.everywhere')}
      </Engine>
      <Engine
        name={t('system.engines.kvm')}
        usable={verdict?.usable ?? (error ? false : undefined)}
      >
        {found.message}
        {found.hint !== undefined && (
          <Box component="span" sx={{ display: 'block' }}>
            {t('engines.remedy', { remedy: found.hint })}
          </Box>
        )}
      </Engine>
      <Box>
        <Button variant="outlined" loading={isFetching} onClick={() => void refetch()}>
          {t('engines.tryAgain')}
        </Button>
      </Box>
    </>
  );
}

function Engine(props: {
  readonly name: string;
  /** Undefined while it is tried. */
  readonly usable: boolean | undefined;
  readonly children: ReactNode;
}) {
  const { name, usable, children } = props;
  return (
    <Box role="group" aria-label={name} sx={{ display: 'flex', gap: 1.5 }}>
      {usable ? <CheckCircleOutlined color="success" /> : <InfoOutlined color="action" />}
      <Box>
        <Typography sx={{ fontWeight: 600 }}>
          {usable === undefined
            ? name
            : t(usable ? 'engines.usable' : 'engines.unusable', { name })}
        </Typography>
        <Typography sx={{ fontSize: '0.875rem', color: 'text.secondary' }} aria-live="polite">
          {children}
        </Typography>
      </Box>
    </Box>
  );
}
