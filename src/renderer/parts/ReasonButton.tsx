import { Button, Tooltip, type ButtonProps } from '@mantine/core';
import { useEffect, useId, useState, type MouseEvent, type ReactNode, type Ref } from 'react';
import { useOfflineReason } from '../data/connection.ts';

export interface ReasonButtonProps extends Omit<ButtonProps, 'disabled' | 'loading' | 'onClick' | 'variant'> {
  readonly variant?: 'filled' | 'default' | 'danger' | 'subtle';
  /** Why it cannot be done now. The button stays where it is, can be reached, and says so. */
  readonly reason?: string | null | undefined;
  /** What pressing it leads to when it is blocked: the way out. */
  readonly onBlocked?: (() => void) | undefined;
  /** It changes something, so it waits while the agent does not answer. */
  readonly changes?: boolean;
  /** Running: `Activating…`. Shown after a moment, so that quick answers do not flicker. */
  readonly busy?: boolean;
  readonly busyLabel?: string;
  readonly onClick?: (event: MouseEvent<HTMLButtonElement>) => void;
  readonly ref?: Ref<HTMLButtonElement>;
  readonly type?: 'button' | 'submit';
  readonly autoFocusInDialog?: boolean;
  readonly title?: string;
}

const SHOW_BUSY_MS = 300;

/** A button that is never simply grey: blocked, it keeps its place and its focus and tells the reason. */
export function ReasonButton({
  reason,
  onBlocked,
  changes = false,
  busy = false,
  busyLabel,
  onClick,
  children,
  ref,
  autoFocusInDialog = false,
  ...rest
}: ReasonButtonProps): ReactNode {
  const offline = useOfflineReason();
  const describedBy = useId();
  const showBusy = useLater(busy, SHOW_BUSY_MS);
  const [width, setWidth] = useState<number | null>(null);
  const why = reason ?? (changes ? offline : null);
  const blocked = why !== null;
  const button = (
    <Button
      {...rest}
      {...(ref === undefined ? {} : { ref })}
      {...(blocked ? { 'aria-disabled': true, 'data-disabled': true, 'aria-describedby': describedBy } : {})}
      {...(busy ? { 'aria-busy': true } : {})}
      {...(autoFocusInDialog ? { 'data-autofocus': true } : {})}
      style={showBusy && width !== null ? { minWidth: width } : undefined}
      onClick={(event: MouseEvent<HTMLButtonElement>) => {
        if (blocked || busy) {
          event.preventDefault();
          if (blocked) onBlocked?.();
          return;
        }
        // Other words while it runs, the same width.
        setWidth(event.currentTarget.offsetWidth);
        onClick?.(event);
      }}
    >
      {showBusy && busyLabel !== undefined ? busyLabel : children}
    </Button>
  );
  return (
    <>
      <Tooltip label={why ?? ''} disabled={!blocked}>
        {button}
      </Tooltip>
      {blocked && (
        <span id={describedBy} className="visually-hidden">
          {why}
        </span>
      )}
    </>
  );
}

/** True once a condition has held for a while. */
function useLater(condition: boolean, ms: number): boolean {
  const [late, setLate] = useState(false);
  useEffect(() => {
    if (!condition) return undefined;
    const timer = setTimeout(() => setLate(true), ms);
    return () => {
      clearTimeout(timer);
      setLate(false);
    };
  }, [condition, ms]);
  return condition && late;
}
