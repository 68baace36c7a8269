import Box from '@mui/material/Box';
import Stack from '@mui/material/Stack';
import Step from '@mui/material/Step';
import StepLabel from '@mui/material/StepLabel';
import Stepper from '@mui/material/Stepper';
import Typography from '@mui/material/Typography';
import { useEffect, useRef } from 'react';
import { useQuery } from '@tanstack/react-query';
import { t } from '../../i18n/i18n.ts';
import { useOf } from '../../../shared/media/mediumUse.ts';
import type { Medium } from '../../../shared/media/recogniseMedium.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { draftOfMedia, systemOn, type PlacedMedium } from '../media/mediumDraft.ts';
import { mediumWords } from '../media/mediumWords.ts';
import { MachineName, SystemFields, type FieldsProps } from './fields.tsx';
import { FirmwareFields } from './FirmwareFields.tsx';
import { NewDiskFields } from './NewDiskFields.tsx';
import { PathField } from './PathField.tsx';
import { defaultDisk, type Problems, type VmDraft } from './vmDraft.ts';

export const guidedSteps = ['medium', 'hardware', 'disk', 'summary'] as const;
export type GuidedStep = (typeof guidedSteps)[number];

/** Fields whose problems keep a step from being left. */
const owned: Record<GuidedStep, RegExp> = {
  medium: /^(name|cdroms|disks|floppies|boot\.kernel)/,
  hardware: /^(memoryMiB|cpu|boot\.firmware)/,
  disk: /^(newDisks|drives)/,
  summary: /./,
};

/** Whether a step of the guide may be left: a machine without a drive gets one in a later step. */
export function stepIsDone(step: GuidedStep, problems: Problems, draft: VmDraft): boolean {
  const later = (field: string) => field === 'boot.kernel' && draft.kernel.trim() === '';
  return Object.keys(problems).every(
    (field) => !owned[step].test(field) || (step === 'medium' && later(field)),
  );
}

/** The wizard's pages: one question after the other, for whom the one-page form is too much at once. */
export function GuidedFields(props: FieldsProps & { readonly step: GuidedStep }) {
  const { step } = props;
  const medium = useMedium(props);
  return (
    <Stack spacing={3}>
      <Stepper activeStep={guidedSteps.indexOf(step)} aria-label={t('guide.steps')}>
        {guidedSteps.map((name) => (
          <Step key={name} aria-current={name === step ? 'step' : undefined}>
            <StepLabel>{t(`guide.step.${name}`)}</StepLabel>
          </Step>
        ))}
      </Stepper>
      {step === 'medium' && <MediumStep {...props} medium={medium} />}
      {step === 'hardware' && (
        <>
          <SystemFields {...props} />
          <FirmwareFields {...props} />
        </>
      )}
      {step === 'disk' && (
        <>
          <Typography sx={{ color: 'text.secondary' }}>
            {t(props.draft.disks.length > 0 ? 'guide.diskThere' : 'guide.diskText')}
          </Typography>
          {props.problems.drives && (
            <Typography sx={{ color: 'error.main' }}>{props.problems.drives}</Typography>
          )}
          <NewDiskFields {...props} />
        </>
      )}
      {step === 'summary' && <Summary {...props} />}
    </Stack>
  );
}

/** As large as the system on the medium wants it, on an interface that it knows. */
function diskFor(placed: PlacedMedium): VmDraft['newDisks'][number] {
  const system = systemOn(placed);
  return {
    ...defaultDisk,
    ...(system && system.diskGiB > 0 && { size: String(system.diskGiB) }),
    ...((!system || ['windows', 'tool'].includes(system.id)) && { interface: 'ide' as const }),
  };
}

const mediumOf = ({ cdroms, disks, floppies, kernel }: VmDraft): string =>
  cdroms[0]?.path || disks[0]?.path || floppies[0]?.path || kernel;

/**
 * What the chosen file is; fills in what that tells. It outlives the step, which may be left before the file has been looked at. A path
 * is taken for a CD-ROM's until then.
 */
function useMedium({ draft, change }: FieldsProps): Medium | undefined {
  const { host } = useConnection();
  const path = mediumOf(draft).trim();
  const applied = useRef(path);
  const { data: medium } = useQuery({
    queryKey: ['medium', path],
    queryFn: async () => (await host.inspectFile(path)).medium,
    enabled: /^([/\\]|[A-Za-z]:)/.test(path),
    retry: false,
  });
  useEffect(() => {
    const use = medium && useOf(medium)?.as;
    if (!medium || !use) return;
    const isNew = applied.current !== path;
    // A medium that was there already has brought all but the disk.
    if (!isNew && draft.newDisks[0] !== defaultDisk) return;
    applied.current = path;
    const placed = { path, medium };
    const { name = '', ...found } = draftOfMedia([placed]);
    const newDisks = use === 'cdrom' ? [diskFor(placed)] : [];
    change({ ...(isNew && found), newDisks, ...(draft.name === '' && { name }) });
  }, [medium, path, draft.name, draft.newDisks, change]);
  return medium;
}

function MediumStep({
  medium,
  draft,
  problems,
  change,
}: FieldsProps & { readonly medium: Medium | undefined }) {
  return (
    <Stack spacing={2}>
      <PathField
        autoFocus
        label={t('guide.medium')}
        help={t('guide.mediumHelp')}
        problem={
          medium && !useOf(medium)
            ? mediumWords(medium)
            : (problems['cdroms.0.path'] ?? problems['disks.0.path'])
        }
        value={mediumOf(draft)}
        onChange={(next) =>
          change({
            cdroms: next === '' ? [] : [{ path: next, interface: 'ide' }],
            ...{ disks: [], floppies: [], kernel: '' },
          })
        }
      />
      <MachineName {...{ draft, problems, change }} help={t('guide.nameHelp')} />
    </Stack>
  );
}

function Summary({ draft, problems }: FieldsProps) {
  const medium = mediumOf(draft);
  const disks = draft.newDisks.map(({ size, format }) =>
    t('guide.newDisk', { size, format: t(`newDisk.formats.${format}`) }),
  );
  const rows: [string, string][] = [
    [t('general.name'), draft.name],
    [t('guide.medium'), medium === '' ? t('guide.none') : medium],
    [t('system.memory'), `${draft.memoryMiB} ${t('system.unit')}`],
    [t('system.cpus'), draft.cpus],
    [t('firmware.label'), draft.firmware?.code ?? t('firmware.bios')],
    [t('guide.step.disk'), disks.length === 0 ? t('guide.none') : disks.join(', ')],
  ];
  return (
    <>
      {Object.values(problems).map((problem) => (
        <Typography key={problem} sx={{ color: 'error.main' }}>
          {problem}
        </Typography>
      ))}
      <Box
        component="dl"
        sx={{ display: 'grid', gridTemplateColumns: '160px 1fr', rowGap: 1, m: 0 }}
      >
        {rows.map(([label, value]) => (
          <Box key={label} sx={{ display: 'contents' }}>
            <Typography component="dt" sx={{ color: 'text.secondary' }}>
              {label}
            </Typography>
            <Typography component="dd" sx={{ m: 0, overflowWrap: 'anywhere' }}>
              {value}
            </Typography>
          </Box>
        ))}
      </Box>
    </>
  );
}
