import { Component, type ReactNode } from 'react';
import { t } from '../i18n/i18n.ts';

/** A fault in the window itself: says so, and offers to load the page again. */
export class ErrorBoundary extends Component<
  { readonly children: ReactNode },
  { error?: unknown }
> {
  override state: { error?: unknown } = {};

  static getDerivedStateFromError(error: unknown) {
    return { error };
  }

  override render(): ReactNode {
    const { error } = this.state;
    if (error === undefined) return this.props.children;
    return (
      <div role="alert" style={{ padding: 32, fontFamily: 'system-ui, sans-serif' }}>
        <h1>{t('fault.title')}</h1>
        <p>{t('fault.text', { fault: error instanceof Error ? error.message : String(error) })}</p>
        <button type="button" onClick={() => location.reload()}>
          {t('fault.reload')}
        </button>
      </div>
    );
  }
}
