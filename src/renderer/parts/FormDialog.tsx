import { Modal } from '@mantine/core';
import { useCallback, useRef, type ReactNode } from 'react';
import { useMutation } from '../data/mutate.ts';
import { t } from '../strings/text.ts';
import confirmCss from './Confirm.module.css';
import { Refusal } from './ErrorStrip.tsx';
import { ReasonButton } from './ReasonButton.tsx';

/** A dialog with fields, one verb and the way back. Enter in a field is the verb. */
export function FormDialog({
  title,
  verb,
  busyVerb,
  reason,
  size = 480,
  onSubmit,
  onClose,
  children,
}: {
  readonly title: string;
  readonly verb: string;
  readonly busyVerb: string;
  /** Why it cannot be sent as it stands; the first field that is wrong gets the focus. */
  readonly reason: string | null;
  readonly size?: number;
  /** @throws {AppError} the refusal, which is shown in the dialog. */
  readonly onSubmit: () => Promise<void>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}): ReactNode {
  const { busy, error, run } = useMutation(useCallback(async () => onSubmit(), [onSubmit]));
  const form = useRef<HTMLFormElement | null>(null);
  const submit = async (): Promise<void> => {
    if (await run()) onClose();
  };
  return (
    <Modal opened onClose={onClose} size={size} withCloseButton={false} title={title}>
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (busy) return;
          if (reason === null) void submit();
          else form.current?.querySelector<HTMLElement>('[aria-invalid="true"], [data-missing]')?.focus();
        }}
      >
        <div className={confirmCss.body}>
          {children}
          {error !== null && <Refusal error={error} />}
        </div>
        <div className={confirmCss.buttons}>
          <ReasonButton onClick={onClose}>{t('action.cancel')}</ReasonButton>
          <ReasonButton
            type="submit"
            variant="filled"
            changes
            reason={reason}
            busy={busy}
            busyLabel={busyVerb}
          >
            {verb}
          </ReasonButton>
        </div>
      </form>
    </Modal>
  );
}
