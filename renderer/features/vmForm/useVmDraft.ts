import { useMemo, useState } from 'react';
import { checkDraft, type Checked, type Problems, type VmDraft } from './vmDraft.ts';

/** A draft being edited; a field's problem is shown once it was touched, all of them on demand. */
export function useVmDraft(initial: VmDraft) {
  const [draft, setDraft] = useState(initial);
  const [touched, setTouched] = useState<ReadonlySet<string>>(new Set());
  const [showAll, setShowAll] = useState(false);
  const checked: Checked = useMemo(() => checkDraft(draft), [draft]);

  const shown: Problems = Object.fromEntries(
    Object.entries(checked.problems).filter(
      ([field]) => showAll || touched.has(draftFieldOf(field)),
    ),
  );
  const change = (changes: Partial<VmDraft>) => {
    setDraft((before) => ({ ...before, ...changes }));
    // A disk just added is empty for a good reason; too many drives are told of at once.
    const added = Object.keys(changes).filter((field) => field !== 'disks');
    const isDrive = /^(disks|newDisks|cdroms|floppies)$/;
    const fields = Object.keys(changes).some((field) => isDrive.test(field))
      ? [...added, 'drives']
      : added;
    setTouched((before) => new Set([...before, ...fields]));
  };
  /** Shows the problems of these places of the configuration. */
  const touch = (fields: readonly string[]) =>
    setTouched((before) => new Set([...before, ...fields.map(draftFieldOf)]));
  const showAllProblems = () => setShowAll(true);
  return { draft, checked, problems: shown, change, touch, showAllProblems };
}

/** The draft's field that a place of the configuration stands for: "boot.kernel", "disks.0.path". */
const draftFieldOf = (place: string): string => place.replace(/^boot\./, '').replace(/\..*/, '');
