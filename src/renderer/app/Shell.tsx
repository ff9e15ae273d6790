import { ActionIcon } from '@mantine/core';
import { useMediaQuery } from '@mantine/hooks';
import { IconMenu2 } from '@tabler/icons-react';
import { useEffect, useRef, type ReactNode } from 'react';
import { useLocation } from 'wouter';
import { useStaleMark } from '../data/connection.ts';
import { usePreferences } from '../data/preferences.ts';
import { cx } from '../parts/cx.ts';
import { t } from '../strings/text.ts';
import { JobsTray } from './JobsTray.tsx';
import { useGlobalKeys } from './keyboard.ts';
import { closeLayer, NARROW, toggleLayer, useLayer } from './layers.ts';
import { Palette } from './Palette.tsx';
import { Sidebar } from './Sidebar.tsx';
import { ReplacedNotice, StatusBar } from './StatusBar.tsx';
import css from './Shell.module.css';

/** Sidebar, page, status bar; jobs tray and palette over them. */
export function Shell({ children }: { readonly children: ReactNode }): ReactNode {
  const narrow = useMediaQuery(NARROW, globalThis.innerWidth < 800, {
    getInitialValueInEffect: false,
  });
  const medium = useMediaQuery('(width < 1100px)', globalThis.innerWidth < 1100, {
    getInitialValueInEffect: false,
  });
  const overlay = useLayer('sidebar');
  const { sidebar } = usePreferences();
  const main = useRef<HTMLElement | null>(null);
  const [path] = useLocation();
  const before = useRef(path);
  useGlobalKeys();
  useStaleMark();

  // A new page begins at its top, for the eyes and for the keyboard.
  useEffect(() => {
    if (before.current === path) return;
    const samePage = objectOf(before.current) === objectOf(path);
    before.current = path;
    if (!samePage && main.current?.contains(document.activeElement) !== true)
      main.current?.focus({ preventScroll: true });
  }, [path]);

  const rail = !narrow && (medium || sidebar === 'rail');
  return (
    <div className={css.shell}>
      <a className={css.skip} href="#main">
        {t('shell.skip')}
      </a>
      {narrow ? (
        <>
          <ActionIcon
            className={css.menu}
            size={28}
            aria-label={t('shell.openNavigation')}
            aria-expanded={overlay}
            onClick={() => toggleLayer('sidebar')}
          >
            <IconMenu2 size={18} stroke={1.5} />
          </ActionIcon>
          {overlay && (
            <>
              <button
                type="button"
                className={css.backdrop}
                aria-label={t('shell.closeNavigation')}
                onClick={() => closeLayer('sidebar')}
              />
              <div className={css.overlay}>
                <Sidebar rail={false} />
              </div>
            </>
          )}
        </>
      ) : (
        <Sidebar rail={rail} />
      )}
      <main id="main" ref={main} tabIndex={-1} className={cx(css.main)}>
        <ReplacedNotice />
        {children}
      </main>
      <StatusBar />
      <JobsTray />
      <Palette />
    </div>
  );
}

/** The tabs of an object are one page. */
function objectOf(path: string): string {
  return path.split('/').slice(0, 3).join('/');
}
