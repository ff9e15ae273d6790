import { MantineProvider } from '@mantine/core';
import { cleanup, render, type RenderResult } from '@testing-library/react';
import type { ReactNode } from 'react';
import { afterEach } from 'vitest';
import { theme } from '../theme/theme.ts';

afterEach(cleanup);

/** Draws a part as the app does, without its transitions. */
export function draw(part: ReactNode): RenderResult {
  return render(part, {
    wrapper: ({ children }: { readonly children: ReactNode }) => (
      <MantineProvider theme={theme} env="test" withCssVariables={false} withGlobalClasses={false}>
        {children}
      </MantineProvider>
    ),
  });
}
