import { lazy, Suspense, useState, type ReactNode } from 'react';
import type { AppError } from '../../../shared/contract/errors.ts';
import type { Slot } from '../../../shared/contract/index.ts';
import { useMay } from '../../data/session.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import css from './TerminalTab.module.css';

const TerminalScreen = lazy(() => import('./TerminalScreen.tsx'));

type Course =
  | { readonly step: 'closed' }
  | { readonly step: 'opening' | 'open'; readonly number: number; readonly command: string | null }
  | { readonly step: 'ended'; readonly number: number; readonly words: string }
  | { readonly step: 'refused'; readonly error: AppError };

/** A shell in the container of a slot. Opens when somebody asks, since that is written to the audit log. */
export default function TerminalTab({ slot }: { readonly slot: Slot }): ReactNode {
  const [course, setCourse] = useState<Course>({ step: 'closed' });
  const mayOpen = useMay('superadmin');
  const isShown = course.step === 'opening' || course.step === 'open' || course.step === 'ended';
  const isRunning = course.step === 'opening' || course.step === 'open';
  const number = 'number' in course ? course.number : 0;
  return (
    <div className={css.tab}>
      <div className={css.bar}>
        <p className={css.about}>{t('terminal.about')}</p>
        {course.step === 'open' && (
          <span className={css.how}>
            {course.command === null ? (
              t('terminal.through')
            ) : (
              <>
                {t('terminal.how')} <code className="mono">{course.command}</code>
              </>
            )}
          </span>
        )}
        {course.step === 'ended' && (
          <span className={css.how} role="status">
            {course.words}
          </span>
        )}
        <span className={css.spring} />
        {isRunning ? (
          <ReasonButton onClick={() => setCourse({ step: 'closed' })}>{t('terminal.close')}</ReasonButton>
        ) : (
          <ReasonButton
            variant="filled"
            changes
            reason={mayOpen ? whyNot(slot) : t('terminal.needsSuperadmin')}
            onClick={() => setCourse({ step: 'opening', number: number + 1, command: null })}
          >
            {course.step === 'ended' ? t('terminal.openAgain') : t('terminal.open')}
          </ReasonButton>
        )}
      </div>
      {course.step === 'refused' && <Refusal error={course.error} />}
      {!isShown && mayOpen && whyNot(slot) !== null && <p className={css.why}>{whyNot(slot)}</p>}
      {isShown && (
        <Suspense fallback={<Pending />}>
          <TerminalScreen
            key={number}
            slotId={slot.id}
            onOpen={(command) => setCourse({ step: 'open', number, command })}
            onRefused={(error) => setCourse({ step: 'refused', error })}
            onExit={({ code, lost }) =>
              setCourse({
                step: 'ended',
                number,
                words: lost ? t('terminal.lost') : t('terminal.ended', { code: code ?? 0 }),
              })
            }
          />
        </Suspense>
      )}
    </div>
  );
}

/** Why there is nothing to open a terminal in; null where the agent may be asked. Pure. */
function whyNot(slot: Slot): string | null {
  if (slot.container_id !== null || slot.load_state === 'loading' || slot.load_state === 'reconciling')
    return null;
  if (slot.load_state === 'loaded') return t('terminal.embedded', { runtime: slot.runtime_spec });
  return t('terminal.notRunning');
}
