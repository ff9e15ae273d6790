import type { ReactNode } from 'react';
import type { AppError, EndpointOutput, ENDPOINTS } from '../../shared/contract/index.ts';
import { t } from '../strings/text.ts';
import css from './Effects.module.css';
import { Refusal } from './ErrorStrip.tsx';
import { formatBytes } from './format.ts';
import { Pending } from './Pending.tsx';

type EffectList = EndpointOutput<typeof ENDPOINTS.previewEffects>['effects'];

/** What something would do now, in the agent's sentences. */
export function Effects({
  of: { data, error },
  none,
}: {
  readonly of: { readonly data: EffectList | undefined; readonly error: AppError | null };
  /** Said when it would do nothing. */
  readonly none?: string;
}): ReactNode {
  if (data === undefined)
    return error === null ? <Pending rows={2} rowHeight={20} /> : <Refusal error={error} alert={false} />;
  if (data.length === 0) return none === undefined ? null : <p>{none}</p>;
  return (
    <ul className={css.effects}>
      {data.map(({ code, sentence, bytes }) => (
        <li key={`${code} ${sentence}`}>
          {bytes === undefined
            ? sentence
            : t('modelDialog.withBytes', { sentence, bytes: formatBytes(bytes) })}
        </li>
      ))}
    </ul>
  );
}
