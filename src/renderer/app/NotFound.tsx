import type { ReactNode } from 'react';
import type { Role } from '../../shared/lifecycle/states.ts';
import { useRole } from '../data/session.ts';
import { EmptyState } from '../parts/EmptyState.tsx';
import { PageHeader } from '../parts/PageHeader.tsx';
import { ReasonButton } from '../parts/ReasonButton.tsx';
import { t } from '../strings/text.ts';
import { toggleLayer } from './layers.ts';

/** Unknown and invisible are one page, so that an address tells nothing. */
export function NotFound({ parent }: { readonly parent?: { label: string; to: string } }): ReactNode {
  return (
    <>
      <PageHeader title={t('notFound.title')} {...(parent === undefined ? {} : { parent })} />
      <EmptyState
        actions={
          <ReasonButton variant="filled" onClick={() => toggleLayer('palette')}>
            {t('notFound.search')}
          </ReasonButton>
        }
      >
        {t('notFound.body')}
      </EmptyState>
    </>
  );
}

/** A place that another role may use. */
export function NeedsRole({ needed, title }: { readonly needed: Role; readonly title: string }): ReactNode {
  const own = useRole();
  return (
    <>
      <PageHeader title={title} />
      <EmptyState>{t('notFound.role', { role: t(`role.${needed}`), own: t(`role.${own}`) })}</EmptyState>
    </>
  );
}
