import type { ReactNode } from 'react';
import type { Gpus } from '../../../shared/contract/index.ts';
import { Copy } from '../../parts/Copy.tsx';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { Sentence } from '../../parts/Sentence.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import css from './Hardware.module.css';

/** Why there is no GPU, or why its figures cannot be believed, and the command that cures it. Nothing while all is well. */
export function NoGpus({ gpus: { gpus, driver, reason, hint } }: { readonly gpus: Gpus }): ReactNode {
  if (reason === null && gpus.length > 0) return null;
  // Without a card there is nothing wrong with a machine.
  const isFault = driver.state !== 'ok' && driver.state !== 'absent';
  const commands = hint === null ? [] : commandsOf(hint);
  return (
    <ErrorStrip
      tone={isFault ? 'warn' : 'blue'}
      mark={<StateMark axis="check" state={isFault ? 'warning' : 'skipped'} wordless />}
      sentence={<Sentence text={reason ?? t('hardware.noReason')} />}
      hint={hint === null ? undefined : <Sentence text={hint} />}
    >
      {commands.length > 0 && (
        <div className={css.commands}>
          {commands.map((command) => (
            <Copy key={command} value={command} what={t('what.command')}>
              <code>{command}</code>
            </Copy>
          ))}
        </div>
      )}
    </ErrorStrip>
  );
}

/** What a sentence of the agent puts between backticks is to be typed. Pure. */
export function commandsOf(hint: string): readonly string[] {
  return hint.split('`').filter((_, place) => place % 2 === 1);
}
