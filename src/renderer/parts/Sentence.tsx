import { Fragment, type ReactNode } from 'react';

/** A sentence of the agent; what it puts between backticks is something to type. */
export function Sentence({ text }: { readonly text: string }): ReactNode {
  const [plain = '', typed, ...rest] = text.split('`');
  if (typed === undefined) return text;
  return (
    <Fragment>
      {plain}
      <code>{typed}</code>
      {rest.length > 0 && <Sentence text={rest.join('`')} />}
    </Fragment>
  );
}
