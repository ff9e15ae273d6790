import type { ReactNode } from 'react';
import { Link } from 'wouter';
import { useModel } from '../../data/models.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Digest } from '../../parts/figures.tsx';
import { formatDuration, formatRate } from '../../parts/format.ts';
import { known, t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { tokensPerSecond, type Turn } from './chat-store.ts';
import css from './TurnView.module.css';

/** One question and its answer, with who gave it. */
export function TurnView({ turn }: { readonly turn: Turn }): ReactNode {
  return (
    <article className={css.turn} data-turn={turn.state}>
      <div className={css.prompt}>
        <div className={css.who}>{t('play.you')}</div>
        <p className={css.text}>{turn.prompt}</p>
      </div>
      {turn.state !== 'refused' && (
        <div className={css.answer}>
          <Who turn={turn} />
          <p className={css.text} data-answer="">
            {turn.answer}
            {turn.state === 'streaming' && <span className={css.caret} aria-hidden />}
          </p>
          {turn.state !== 'streaming' && <Facts turn={turn} />}
        </div>
      )}
      {turn.error !== null && <Refusal error={turn.error} />}
    </article>
  );
}

function Who({ turn }: { readonly turn: Turn }): ReactNode {
  const model = useModel(turn.facts.modelId);
  if (turn.facts.modelId === null) return <div className={css.who}>{t('play.waiting')}</div>;
  return (
    <div className={css.who}>
      <Link href={`/models/${turn.facts.modelId}`}>
        {model === undefined ? turn.facts.modelId : modelTitle(model)}
      </Link>{' '}
      <Digest value={turn.facts.globalModelId} />
    </div>
  );
}

function Facts({ turn }: { readonly turn: Turn }): ReactNode {
  const { facts, state } = turn;
  const rate = tokensPerSecond(facts);
  const parts = [
    facts.firstTokenMs === null ? null : t('play.firstToken', { span: formatDuration(facts.firstTokenMs) }),
    rate === null ? null : t('play.rate', { rate: formatRate(rate) }),
    facts.promptTokens === null || facts.completionTokens === null
      ? null
      : t('play.tokens', { in: facts.promptTokens, out: facts.completionTokens }),
    state === 'stopped'
      ? t('play.stopped')
      : facts.finishReason === null
        ? null
        : (known(`play.finish.${facts.finishReason}`) ?? facts.finishReason),
  ].filter((part) => part !== null);
  return (
    <div className={css.facts}>
      <span>{parts.join(', ')}</span>
      {facts.requestId !== null && (
        <Copy value={facts.requestId} what={t('what.requestId')}>
          <span className="mono" title={facts.requestId}>
            {t('play.request', { id: facts.requestId.slice(-8) })}
          </span>
        </Copy>
      )}
    </div>
  );
}
