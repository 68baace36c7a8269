import Box from '@mui/material/Box';
import ButtonBase from '@mui/material/ButtonBase';
import { useEffect, useRef } from 'react';
import { t } from '../../i18n/i18n.ts';
import type { VmSummary } from '../../../shared/services/library.ts';
import { useConnection } from '../../transport/ConnectionContext.tsx';
import { useLibrary } from '../library/libraryStore.ts';
import { focusScreen } from '../screen/screenFocus.ts';
import { Card } from './Details.tsx';

const everyMs = 1500;
const widest = 320;

/** A small live picture of the machine's screen; a click shows the screen itself. */
export function PreviewCard({ vm }: { readonly vm: VmSummary }) {
  const { session } = useConnection();
  const canvas = useRef<HTMLCanvasElement>(null);
  const showTab = useLibrary((store) => store.showTab);

  useEffect(() => {
    let timer: ReturnType<typeof setTimeout>;
    let stopped = false;
    const look = async (): Promise<void> => {
      const target = canvas.current;
      if (target && document.visibilityState === 'visible') {
        const picture = await session.thumbnail(vm.id, widest).catch(() => undefined);
        if (picture && picture.width > 0 && picture.height > 0) {
          target.width = picture.width;
          target.height = picture.height;
          const pixels = new Uint8ClampedArray(picture.pixels);
          target.getContext('2d')?.putImageData(new ImageData(pixels, picture.width), 0, 0);
        }
      }
      if (!stopped) timer = setTimeout(() => void look(), everyMs);
    };
    void look();
    return () => {
      stopped = true;
      clearTimeout(timer);
    };
  }, [session, vm.id]);

  return (
    <Card title={t('preview.title')} vm={vm}>
      <Box component="dt" sx={{ display: 'none' }}>
        {t('tabs.screen')}
      </Box>
      <Box component="dd" sx={{ m: 0, gridColumn: '1 / -1' }}>
        <ButtonBase
          aria-label={t('preview.show', { name: vm.name })}
          onClick={() => {
            showTab('screen');
            focusScreen();
          }}
          sx={{ borderRadius: 1, overflow: 'hidden', border: 1, borderColor: 'divider' }}
        >
          <canvas
            ref={canvas}
            width={widest}
            height={178}
            style={{ display: 'block', width: widest, maxWidth: '100%', background: '#000' }}
          />
        </ButtonBase>
      </Box>
    </Card>
  );
}
