import { Kbd, Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import { t, type TextKey } from '../strings/text.ts';
import { PLACES } from './places.ts';
import css from './Shortcuts.module.css';

const EVERYWHERE: readonly (readonly [string, TextKey])[] = [
  ['Ctrl K', 'shortcut.palette'],
  ['/', 'shortcut.filter'],
  ['?', 'shortcut.sheet'],
  ['Alt J', 'shortcut.jobs'],
  ['Ctrl \\', 'shortcut.sidebar'],
  ['F6', 'shortcut.regions'],
  ['Esc', 'shortcut.escape'],
];

const LISTS: readonly (readonly [string, TextKey])[] = [
  ['↑ ↓  J K', 'shortcut.move'],
  ['Enter', 'shortcut.open'],
  ['Space', 'shortcut.peek'],
  ['X  Shift ↑ ↓', 'shortcut.select'],
  ['Ctrl A', 'shortcut.selectAll'],
  ['.', 'shortcut.menu'],
  ['C', 'shortcut.copyId'],
  ['Shift C', 'shortcut.copyCli'],
];

const OBJECTS: readonly (readonly [string, TextKey])[] = [
  ['T V A L', 'shortcut.model'],
  ['L U O R E', 'shortcut.slot'],
  ['F N  Shift N W', 'shortcut.log'],
  ['Ctrl Enter  Ctrl .', 'shortcut.chat'],
];

/** Every key, in one sheet. */
export function Shortcuts({ onClose }: { readonly onClose: () => void }): ReactNode {
  return (
    <Modal
      opened
      onClose={onClose}
      title={t('shortcuts.title')}
      size={720}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <div className={css.columns}>
        <Group name={t('shortcuts.everywhere')} rows={EVERYWHERE.map(([keys, key]) => [keys, t(key)])} />
        <Group
          name={t('shortcuts.places')}
          rows={PLACES.map((place) => [`G ${place.chord.toUpperCase()}`, t(place.name)])}
        />
        <Group name={t('shortcuts.lists')} rows={LISTS.map(([keys, key]) => [keys, t(key)])} />
        <Group name={t('shortcuts.objects')} rows={OBJECTS.map(([keys, key]) => [keys, t(key)])} />
      </div>
      <p className={css.note}>{t('shortcuts.note')}</p>
    </Modal>
  );
}

function Group({
  name,
  rows,
}: {
  readonly name: string;
  readonly rows: readonly (readonly [string, string])[];
}): ReactNode {
  return (
    <section>
      <h2 className={css.name}>{name}</h2>
      <dl>
        {rows.map(([keys, does]) => (
          <div key={keys} className={css.row}>
            <dt>
              {keys.split('  ').map((one) => (
                <Kbd key={one}>{one}</Kbd>
              ))}
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
    </section>
  );
}
