import { Kbd, Modal } from '@mantine/core';
import { useEffect, useId, useMemo, useRef, useState, type KeyboardEvent, type ReactNode } from 'react';
import { copyText } from '../parts/Copy.tsx';
import { cx } from '../parts/cx.ts';
import { StateMark } from '../parts/StateMark.tsx';
import { t } from '../strings/text.ts';
import { toastDone } from './toasts.ts';
import { closeLayer, useLayer } from './layers.ts';
import { usePaletteItems, type PaletteItem } from './palette-items.ts';
import css from './Palette.module.css';

const HELP = [
  ['>', 'palette.help.actions'],
  ['#', 'palette.help.objects'],
  ['?', 'palette.help.places'],
  ['Enter', 'palette.help.open'],
  ['Ctrl C', 'palette.help.copy'],
] as const;

/**
 * Find and do anything from the keyboard. A combobox over one list, because Mantine's spotlight tells a screen reader
 * nothing about the row under the cursor.
 */
export function Palette(): ReactNode {
  const open = useLayer('palette');
  return (
    <Modal.Root
      opened={open}
      onClose={() => closeLayer('palette')}
      size={640}
      padding={0}
      yOffset="12dvh"
      transitionProps={{ duration: 0 }}
    >
      <Modal.Overlay />
      <Modal.Content aria-label={t('palette.title')}>
        <Modal.Body>{open && <PaletteBody />}</Modal.Body>
      </Modal.Content>
    </Modal.Root>
  );
}

function PaletteBody(): ReactNode {
  const [query, setQuery] = useState('');
  const [at, setAt] = useState(0);
  const list = useRef<HTMLDivElement | null>(null);
  const listId = useId();
  const groups = usePaletteItems(query);
  const items = useMemo(() => groups.flatMap((group) => group.items), [groups]);
  const current = items[Math.min(at, items.length - 1)];

  useEffect(() => {
    if (current === undefined) return;
    document.getElementById(`${listId}-${current.id}`)?.scrollIntoView({ block: 'nearest' });
  }, [current, listId]);

  const run = (item: PaletteItem | undefined): void => {
    if (item === undefined) return;
    closeLayer('palette');
    item.run();
  };

  const onKeyDown = (event: KeyboardEvent<HTMLInputElement>): void => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step !== undefined) {
      event.preventDefault();
      setAt((before) => (items.length === 0 ? 0 : (before + step + items.length) % items.length));
    } else if (event.key === 'Enter') {
      event.preventDefault();
      run(current);
    } else if (
      event.key.toLowerCase() === 'c' &&
      (event.ctrlKey || event.metaKey) &&
      current?.cli !== undefined &&
      event.currentTarget.selectionStart === event.currentTarget.selectionEnd
    ) {
      event.preventDefault();
      const { cli } = current;
      void copyText(cli).then(() => toastDone(t('palette.copied', { command: cli })));
    }
  };

  return (
    <div className={css.palette}>
      <input
        className={css.input}
        data-autofocus
        role="combobox"
        aria-label={t('palette.title')}
        aria-expanded
        aria-controls={listId}
        aria-activedescendant={current === undefined ? undefined : `${listId}-${current.id}`}
        aria-autocomplete="list"
        placeholder={t('palette.placeholder')}
        autoComplete="off"
        spellCheck={false}
        value={query}
        onChange={(event) => {
          setQuery(event.currentTarget.value);
          setAt(0);
        }}
        onKeyDown={onKeyDown}
      />
      <div ref={list} id={listId} role="listbox" aria-label={t('palette.results')} className={css.list}>
        {groups.map((group) => (
          <div key={group.name} role="group" aria-label={group.name}>
            <div className={css.group} aria-hidden>
              {group.name}
            </div>
            {group.items.map((item) => (
              // oxlint-disable-next-line jsx-a11y/click-events-have-key-events, jsx-a11y/interactive-supports-focus -- the input keeps the focus and takes the keys
              <div
                key={item.id}
                id={`${listId}-${item.id}`}
                role="option"
                aria-selected={item === current}
                aria-disabled={item.reason !== undefined}
                className={cx(
                  css.item,
                  item === current && css.current,
                  item.reason !== undefined && css.refused,
                )}
                onPointerMove={() => setAt(items.indexOf(item))}
                onClick={() => run(item)}
              >
                {item.mark !== undefined && (
                  <StateMark axis={item.mark.axis} state={item.mark.state as never} wordless size={12} />
                )}
                <span className={css.label}>{item.label}</span>
                <span className={css.detail}>{item.reason ?? item.detail}</span>
                {item.keys !== undefined && <Kbd>{item.keys}</Kbd>}
              </div>
            ))}
          </div>
        ))}
        {items.length === 0 && <div className={css.none}>{t('palette.nothing', { query })}</div>}
      </div>
      <div className={css.foot}>
        {HELP.map(([keys, words]) => (
          <span key={keys} className={css.help}>
            <Kbd>{keys}</Kbd> {t(words)}
          </span>
        ))}
      </div>
    </div>
  );
}
