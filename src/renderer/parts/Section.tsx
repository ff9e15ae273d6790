import type { ReactNode } from 'react';
import { Link } from 'wouter';
import css from './Section.module.css';

/** A part of a page under its heading. Lines separate, no box. */
export function Section({
  title,
  facts,
  level = 2,
  link,
  children,
}: {
  readonly title: string;
  readonly facts?: ReactNode;
  readonly level?: 2 | 3;
  readonly link?: { readonly label: string; readonly to: string };
  readonly children: ReactNode;
}): ReactNode {
  const Heading = level === 2 ? 'h2' : 'h3';
  return (
    <section className={css.section}>
      <div className={css.head}>
        <Heading>{title}</Heading>
        {facts !== undefined && <span className={css.facts}>{facts}</span>}
        {link !== undefined && (
          <Link href={link.to} className={css.link}>
            {link.label}
          </Link>
        )}
      </div>
      {children}
    </section>
  );
}
