import type { ReactNode } from 'react';
import css from './Facts.module.css';

export type Fact = readonly [name: string, value: ReactNode];

/** Names and values, one line each. */
export function Facts({ facts }: { readonly facts: readonly Fact[] }): ReactNode {
  return (
    <dl className={css.facts}>
      {facts.map(([name, value]) => (
        <div key={name} className={css.fact}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
