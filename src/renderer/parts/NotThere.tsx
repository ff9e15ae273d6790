import type { ReactNode } from 'react';
import type { AppError } from '../../shared/contract/index.ts';
import { NotFound } from '../app/NotFound.tsx';
import { t } from '../strings/text.ts';
import { Refusal } from './ErrorStrip.tsx';
import { PageHeader } from './PageHeader.tsx';
import { Pending } from './Pending.tsx';
import { ReasonButton } from './ReasonButton.tsx';
import css from './NotThere.module.css';

/** Where a page leads back to. */
export interface Parent {
  readonly label: string;
  readonly to: string;
}

/** Whether an answer means that there is no such object, or none that the caller may see. Pure. */
export function isGone(error: AppError | null): boolean {
  return error?.code === 'not_found' || error?.code === 'invalid_argument';
}

/** Before an object was read, or where there is none. */
export function NotThere({
  id,
  parent,
  answer: { error, refresh },
}: {
  readonly id: string;
  readonly parent: Parent;
  readonly answer: { readonly error: AppError | null; readonly refresh: () => void };
}): ReactNode {
  if (isGone(error)) return <NotFound parent={parent} />;
  return (
    <>
      <PageHeader title={id} parent={parent} />
      {error === null ? (
        <Pending />
      ) : (
        <div className={css.refusal}>
          <Refusal
            error={error}
            actions={
              <ReasonButton size="xs" onClick={refresh}>
                {t('action.retry')}
              </ReasonButton>
            }
          />
        </div>
      )}
    </>
  );
}
