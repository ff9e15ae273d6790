import type { ReactNode } from 'react';

/** A sentence of the agent; what it puts between backticks is something to type. */
export function Sentence({ text }: { readonly text: string }): ReactNode {
  return text
    .split('`')
    .map((part, index) => (index % 2 === 1 ? <code key={`${index} ${part}`}>{part}</code> : part));
}
