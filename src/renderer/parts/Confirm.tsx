import { Modal, TextInput } from '@mantine/core';
import { useCallback, useState, type ReactNode } from 'react';
import { useMutation } from '../data/mutate.ts';
import { t } from '../strings/text.ts';
import { Refusal } from './ErrorStrip.tsx';
import { ReasonButton } from './ReasonButton.tsx';
import css from './Confirm.module.css';

export interface ConfirmProps {
  /** Verb and object: `Deactivate qwen3-8b v3?` */
  readonly title: string;
  /** What it does now, as the agent computed it. */
  readonly children: ReactNode;
  /** The way back, focused first: `Keep active`. */
  readonly keep: string;
  /** The verb again: `Deactivate`. */
  readonly verb: string;
  readonly busyVerb: string;
  /** Red only where bytes or trust are destroyed. */
  readonly destroys?: boolean;
  /** The name that has to be typed where no copy would be left. */
  readonly typed?: string | undefined;
  /** Why it cannot be done as it stands. */
  readonly reason?: string | null;
  /** A gentler way to the same end, between the way back and the verb. */
  readonly instead?: ReactNode;
  readonly onConfirm: () => Promise<void>;
  readonly onClose: () => void;
}

/** Asks before something that a caller, another person or bytes would feel. Never "are you sure". */
export function Confirm({
  title,
  children,
  keep,
  verb,
  busyVerb,
  destroys = false,
  typed,
  reason = null,
  instead,
  onConfirm,
  onClose,
}: ConfirmProps): ReactNode {
  const [name, setName] = useState('');
  const { busy, error, run } = useMutation(useCallback(async () => onConfirm(), [onConfirm]));
  const untyped =
    typed !== undefined && name.trim() !== typed ? t('confirm.typeFirst', { name: typed }) : null;
  const confirm = async (): Promise<void> => {
    if (await run()) onClose();
  };
  return (
    <Modal opened onClose={onClose} title={title} size={480} withCloseButton={false}>
      <div className={css.body}>
        {children}
        {typed !== undefined && (
          <TextInput
            label={t('confirm.type', { name: typed })}
            value={name}
            onChange={(event) => setName(event.currentTarget.value)}
            autoComplete="off"
          />
        )}
        {error !== null && <Refusal error={error} />}
      </div>
      <div className={css.buttons}>
        <ReasonButton autoFocusInDialog onClick={onClose}>
          {keep}
        </ReasonButton>
        {instead}
        <ReasonButton
          variant={destroys ? 'danger' : 'filled'}
          changes
          reason={reason ?? untyped}
          busy={busy}
          busyLabel={busyVerb}
          onClick={() => void confirm()}
        >
          {verb}
        </ReasonButton>
      </div>
    </Modal>
  );
}
