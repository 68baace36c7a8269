import Alert from '@mui/material/Alert';
import { useLayoutEffect, useRef } from 'react';
import type { explain } from '../features/notices/noticeStore.ts';

/** Why a dialog's work failed. Takes the focus, which a button that was off meanwhile has lost. */
export function FailureAlert({ failure }: { readonly failure: ReturnType<typeof explain> }) {
  const element = useRef<HTMLDivElement>(null);
  // Together with the text: somebody who has read it may have gone on to a field already.
  useLayoutEffect(() => element.current?.focus(), [failure]);
  return (
    <Alert severity="error" ref={element} tabIndex={-1}>
      {failure.message} <b>{failure.hint}</b>
    </Alert>
  );
}
