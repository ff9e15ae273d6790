import type { ReactNode } from 'react';
import type { Probe } from '../../../shared/contract/index.ts';
import { ErrorStrip } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { probeSentence } from './words.ts';

/** What a provider said to a key. */
export function ProbeAnswer({
  probe,
  aged = false,
}: {
  readonly probe: Probe;
  /** With when it was said. */
  readonly aged?: boolean;
}): ReactNode {
  return (
    <div role="status">
      <ErrorStrip
        tone={probe.ok ? 'ok' : 'bad'}
        mark={<StateMark axis="check" state={probe.ok ? 'ok' : 'failed'} wordless />}
        sentence={
          <>
            {probeSentence(probe)} {aged && <Time at={probe.at} as="ago" />}
          </>
        }
        hint={probe.ok ? undefined : probe.message}
      />
    </div>
  );
}
