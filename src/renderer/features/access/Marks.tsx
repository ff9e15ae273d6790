import type { ReactNode } from 'react';
import type { Key, Principal } from '../../../shared/contract/index.ts';
import { useNow } from '../../data/now.ts';
import { formatCount } from '../../parts/format.ts';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { KEY_GLYPHS, keyState, keyWords } from './words.ts';

/** How a key stands: in force, about to end, ended, revoked. */
export function KeyMark({ of }: { readonly of: Key }): ReactNode {
  const now = useNow(60_000);
  return (
    <StateMark axis="check" state={KEY_GLYPHS[keyState(of, now)]} size={12} plain>
      {keyWords(of, now)}
    </StateMark>
  );
}

/** Whether the keys of somebody are let in. */
export function PrincipalMark({ principal }: { readonly principal: Principal }): ReactNode {
  const disabled = principal.disabled_at !== null;
  return (
    <StateMark axis="check" state={disabled ? 'skipped' : 'ok'} size={12} plain>
      {t(disabled ? 'people.disabled' : 'people.enabled')}
    </StateMark>
  );
}

/** `1,284`, or `1,284 of 5,000` where there is a limit. */
export function ofLimit(value: number, limit: number | null): string {
  if (limit === null) return formatCount(value);
  return t('keys.of', { part: formatCount(value), whole: formatCount(limit) });
}
