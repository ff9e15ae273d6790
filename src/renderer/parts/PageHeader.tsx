import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import { t } from '../strings/text.ts';
import css from './PageHeader.module.css';

export interface PageHeaderProps {
  readonly title: string;
  /** The list this object is in. */
  readonly parent?: { readonly label: string; readonly to: string };
  /** Beside the title: version and digest, or how many there are. */
  readonly facts?: ReactNode;
  readonly children?: ReactNode;
}

/** The one header of a page, 44 pixels: where, what, and what can be done. */
export function PageHeader({ title, parent, facts, children }: PageHeaderProps): ReactNode {
  useEffect(() => {
    document.title = `${title} · ${t('app.name')}`;
  }, [title]);
  return (
    <header className={css.header}>
      <div className={css.name}>
        {parent !== undefined && (
          <span className={css.parent}>
            <Link href={parent.to}>{parent.label}</Link> /
          </span>
        )}
        <h1 className={css.title} title={title}>
          {title}
        </h1>
        {facts !== undefined && <span className={css.facts}>{facts}</span>}
      </div>
      {children !== undefined && <div className={css.actions}>{children}</div>}
    </header>
  );
}
