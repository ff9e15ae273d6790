import type { ReactNode } from 'react';
import { Copy } from '../../parts/Copy.tsx';
import { t } from '../../strings/text.ts';
import css from './Json.module.css';

/** Facts for programs, as they are; only under Details. */
export function Json({ value }: { readonly value: unknown }): ReactNode {
  const text = JSON.stringify(value, null, 2);
  return (
    <div className={css.json}>
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard has to reach it */}
      <pre tabIndex={0} role="region" aria-label={t('action.details')}>
        {text}
      </pre>
      <Copy value={text} what={t('what.details')} />
    </div>
  );
}
