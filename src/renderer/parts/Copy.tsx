import { ActionIcon } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import { useEffect, useState, type ReactNode } from 'react';
import { t } from '../strings/text.ts';
import { cx } from './cx.ts';
import css from './Copy.module.css';

const SAID_MS = 1200;

/** Copies, also where the clipboard API is refused (plain http on another host name). @returns whether it worked. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    // No permission or no secure context: the old way still works from a click.
    const area = document.createElement('textarea');
    area.value = text;
    area.className = 'visually-hidden';
    document.body.append(area);
    area.select();
    const copied = document.execCommand('copy');
    area.remove();
    return copied;
  }
}

/** A small button that copies the canonical form of something and says so in its place. */
export function Copy({
  value,
  what,
  children,
  className,
}: {
  readonly value: string;
  /** What is copied, for its name: `the digest`. */
  readonly what: string;
  /** The thing itself, when it stands left of the button. */
  readonly children?: ReactNode;
  readonly className?: string | undefined;
}): ReactNode {
  const [copied, setCopied] = useState(false);
  useEffect(() => {
    if (!copied) return undefined;
    const timer = setTimeout(() => setCopied(false), SAID_MS);
    return () => clearTimeout(timer);
  }, [copied]);
  return (
    <span className={cx(css.copy, className)}>
      {children}
      <ActionIcon
        aria-label={t('action.copyOf', { what })}
        title={copied ? undefined : t('action.copyOf', { what })}
        size={24}
        onClick={() => void copyText(value).then(setCopied)}
      >
        {copied ? <IconCheck size={16} stroke={1.5} /> : <IconCopy size={16} stroke={1.5} />}
      </ActionIcon>
      <span role="status" className={copied ? css.said : 'visually-hidden'}>
        {copied ? t('action.copied') : ''}
      </span>
    </span>
  );
}
