import ReactMarkdown, { type Components } from 'react-markdown';
import type { ReactNode } from 'react';
import css from './Markdown.module.css';

/**
 * Text that somebody wrote in Markdown. Markup in it stays text, pictures are named and not fetched, links are text with
 * their address: nothing that a card says may reach the network or leave the page.
 */
const PARTS: Components = {
  // The page has its own headings of the first two levels.
  h1: ({ children }) => <h3>{children}</h3>,
  h2: ({ children }) => <h3>{children}</h3>,
  h3: ({ children }) => <h4>{children}</h4>,
  h4: ({ children }) => <h5>{children}</h5>,
  h5: ({ children }) => <h5>{children}</h5>,
  h6: ({ children }) => <h5>{children}</h5>,
  img: ({ alt, src }) => <span className={css.picture}>[{alt === '' || alt === undefined ? src : alt}]</span>,
  a: ({ children, href }) => (
    <span title={href}>
      {children}
      {href !== undefined && <span className={css.address}> ({href})</span>}
    </span>
  ),
};

export default function Markdown({ text }: { readonly text: string }): ReactNode {
  return (
    <div className={css.markdown}>
      <ReactMarkdown components={PARTS}>{text}</ReactMarkdown>
    </div>
  );
}
