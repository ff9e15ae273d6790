import { Component, type ErrorInfo, type ReactNode } from 'react';
import { EmptyState } from '../parts/EmptyState.tsx';
import { copyText } from '../parts/Copy.tsx';
import { ReasonButton } from '../parts/ReasonButton.tsx';
import { t } from '../strings/text.ts';

interface State {
  readonly error: Error | null;
  readonly at: string | undefined;
  readonly place: string;
}

/** Keeps a fault of one page from taking the shell with it. */
export class Boundary extends Component<{ readonly place: string; readonly children: ReactNode }, State> {
  override state: State = { error: null, at: undefined, place: this.props.place };

  static getDerivedStateFromError(error: Error): Partial<State> {
    return { error };
  }

  override componentDidCatch(_error: Error, info: ErrorInfo): void {
    this.setState({ at: info.componentStack ?? undefined });
  }

  /** Another page is another chance. */
  static getDerivedStateFromProps({ place }: { readonly place: string }, state: State): State | null {
    return place === state.place ? null : { error: null, at: undefined, place };
  }

  override render(): ReactNode {
    const { error, at } = this.state;
    if (error === null) return this.props.children;
    return (
      <div role="alert">
        <EmptyState
          actions={
            <>
              <ReasonButton variant="filled" onClick={() => location.reload()}>
                {t('action.reload')}
              </ReasonButton>
              <ReasonButton onClick={() => void copyText(`${error.stack ?? error.message}\n${at ?? ''}`)}>
                {t('action.copyReport')}
              </ReasonButton>
            </>
          }
        >
          <strong>{t('crash.title')}</strong>
          <br />
          {t('crash.body')}
        </EmptyState>
      </div>
    );
  }
}
