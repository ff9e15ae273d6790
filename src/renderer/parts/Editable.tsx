import { useEffect, useRef, useState, type ReactNode } from 'react';
import type { AppError } from '../../shared/contract/index.ts';
import { asAppError } from '../data/api.ts';
import { t } from '../strings/text.ts';
import { cx } from './cx.ts';
import { Conflict } from './Conflict.tsx';
import { Refusal } from './ErrorStrip.tsx';
import { ReasonButton } from './ReasonButton.tsx';
import css from './Editable.module.css';

export interface EditableProps<T> {
  readonly title: string;
  readonly facts?: ReactNode;
  /** What it is now. */
  readonly value: T;
  /** The revision of the object the value is of. */
  readonly rev: number;
  /** The object in the journal: `model:alpha-v1`. */
  readonly subject: string;
  readonly mayEdit: boolean;
  readonly renderView: (value: T) => ReactNode;
  readonly renderEditor: (draft: T, change: (draft: T) => void) => ReactNode;
  /** The value in words, to compare two of them. */
  readonly words: (value: T) => string;
  /** Why the draft cannot be saved. */
  readonly problem?: (draft: T) => string | null;
  /** @throws {AppError} `conflict` when the revision is not the newest any more */
  readonly onSave: (draft: T, rev: number) => Promise<void>;
}

interface Editing<T> {
  readonly draft: T;
  readonly base: T;
  readonly rev: number;
}

/**
 * Something of mine, changed in its place. What was saved is shown at once; refused, the text is there again with the
 * reason, and whoever lost a race sees what the other one changed.
 */
export function Editable<T>(props: EditableProps<T>): ReactNode {
  const { title, facts, value, rev, mayEdit } = props;
  const [editing, setEditing] = useState<Editing<T> | null>(null);
  const [saving, setSaving] = useState<Editing<T> | null>(null);
  const [error, setError] = useState<AppError | null>(null);
  const form = useRef<HTMLFormElement | null>(null);
  const isEditing = editing !== null;
  useEffect(() => {
    // Whoever asked to edit goes on in the field.
    if (isEditing) form.current?.querySelector<HTMLElement>('input, textarea')?.focus();
  }, [isEditing]);

  const save = async (edit: Editing<T>): Promise<void> => {
    setError(null);
    setEditing(null);
    setSaving(edit);
    try {
      await props.onSave(edit.draft, edit.rev);
    } catch (thrown) {
      setError(asAppError(thrown));
      setEditing(edit);
    } finally {
      setSaving(null);
    }
  };
  const stop = (): void => {
    setEditing(null);
    setError(null);
  };
  return (
    <section aria-label={title}>
      <div className={css.head}>
        <h2>{title}</h2>
        {facts !== undefined && <span className={css.facts}>{facts}</span>}
        {mayEdit && editing === null && (
          <ReasonButton
            size="xs"
            variant="subtle"
            changes
            aria-label={t('edit.editOf', { what: title })}
            onClick={() => setEditing({ draft: value, base: value, rev })}
          >
            {t('edit.edit')}
          </ReasonButton>
        )}
      </div>
      {editing === null ? (
        <div className={cx(saving !== null && css.saving)}>
          {props.renderView(saving === null ? value : saving.draft)}
        </div>
      ) : (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- Esc gives up the edit from any of its fields
        <form
          ref={form}
          className={css.form}
          onSubmit={(event) => {
            event.preventDefault();
            if ((props.problem?.(editing.draft) ?? null) === null) void save(editing);
          }}
          onKeyDown={(event) => {
            if (event.key !== 'Escape' || event.defaultPrevented) return;
            event.stopPropagation();
            stop();
          }}
        >
          {props.renderEditor(editing.draft, (draft) => setEditing({ ...editing, draft }))}
          {error !== null &&
            (error.code === 'conflict' ? (
              <Conflict
                subject={props.subject}
                before={props.words(editing.base)}
                now={props.words(value)}
                onAgain={() => void save({ ...editing, base: value, rev })}
              />
            ) : (
              <Refusal error={error} />
            ))}
          <div className={css.buttons}>
            <ReasonButton
              type="submit"
              variant="filled"
              changes
              reason={props.problem?.(editing.draft) ?? null}
            >
              {t('action.save')}
            </ReasonButton>
            <ReasonButton onClick={stop}>{t('action.cancel')}</ReasonButton>
          </div>
        </form>
      )}
    </section>
  );
}
