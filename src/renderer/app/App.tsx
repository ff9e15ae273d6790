import { localStorageColorSchemeManager, MantineProvider } from '@mantine/core';
import type { ReactNode } from 'react';
import { useSession } from '../data/session.ts';
import { SignInPage, UnreachablePage } from '../features/sign-in/SignInPage.tsx';
import { cssVariablesResolver, theme } from '../theme/theme.ts';
import { DialogHost } from './DialogHost.tsx';
import { Routes } from './Routes.tsx';
import { Shell } from './Shell.tsx';
import { Toasts } from './Toasts.tsx';

const colorSchemeManager = localStorageColorSchemeManager({ key: 'modelops.theme' });

/** The whole UI: theme, who it is for, and the pages. */
export function App(): ReactNode {
  return (
    <MantineProvider
      theme={theme}
      cssVariablesResolver={cssVariablesResolver}
      colorSchemeManager={colorSchemeManager}
      defaultColorScheme="auto"
    >
      <Entrance />
    </MantineProvider>
  );
}

function Entrance(): ReactNode {
  const session = useSession();
  switch (session.state) {
    case 'checking':
      return null;
    case 'unreachable':
      return <UnreachablePage />;
    case 'signed-out':
      return <SignInPage refusal={session.refusal} />;
    case 'signed-in':
      return (
        <>
          <Shell>
            <Routes />
          </Shell>
          <DialogHost />
          <Toasts />
        </>
      );
  }
}
