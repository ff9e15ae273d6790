import type { ReactNode } from 'react';
import type { Origin } from '../../shared/contract/index.ts';
import { t } from '../strings/text.ts';
import css from './OriginNote.module.css';

/** Where a value comes from: `declared, model.yaml`, `inferred, file header`, `set here`. */
export function OriginNote({ origin }: { readonly origin: Origin | undefined }): ReactNode {
  if (origin === undefined) return <span className={css.origin}>{t('origin.unset')}</span>;
  const word = t(`origin.${origin.from}`);
  return (
    <span className={css.origin}>
      {origin.note === undefined ? word : t('origin.noted', { word, note: origin.note })}
    </span>
  );
}
