/** What passes between a test and the process that runs the desktop. */

/** Asked by the test. */
export type Command =
  /** As the operating system or the menu would. */
  | { readonly op: 'quit' }
  /** The number of the button that the next question gets. */
  | { readonly op: 'answer'; readonly response: number }
  /** What the next file dialog gives back. */
  | { readonly op: 'choose'; readonly paths: readonly string[] }
  | { readonly op: 'tray' }
  /** macOS hands links over like this. */
  | { readonly op: 'open-url'; readonly url: string }
  | { readonly op: 'click-tray'; readonly labels: readonly string[] }
  /** The stand-in only. */
  | { readonly op: 'permission'; readonly permission: string; readonly url: string }
  | { readonly op: 'session' };

export interface TrayView {
  readonly tooltip: string;
  /** Labels, with those of a submenu below them. */
  readonly items: readonly MenuView[];
}

export interface MenuView {
  readonly label: string;
  readonly enabled: boolean;
  readonly submenu: readonly MenuView[];
}

export interface SessionView {
  readonly proxy: unknown;
  readonly spellChecker: boolean;
  readonly privileges: readonly unknown[];
  readonly windowOptions: readonly Record<string, unknown>[];
}

/** Told by the desktop's process. */
export type Happening =
  | { readonly event: 'ready'; readonly pageOrigin: string }
  | { readonly event: 'window'; readonly did: 'show' | 'focus' | 'restore' | 'closed' }
  | {
      readonly event: 'question';
      readonly message: string;
      readonly detail: string;
      readonly buttons: readonly string[];
    }
  | { readonly event: 'error-box'; readonly title: string; readonly content: string }
  | { readonly event: 'opened-external'; readonly url: string }
  | { readonly event: 'revealed'; readonly path: string }
  | { readonly event: 'notification'; readonly title: string; readonly body: string }
  | { readonly event: 'navigation-denied'; readonly url: string }
  | { readonly event: 'request-denied'; readonly url: string }
  | {
      readonly event: 'page-request';
      readonly method: string;
      readonly url: string;
      readonly headers: Record<string, string>;
    }
  /** What the app tells its page, as text. */
  | { readonly event: 'told-page'; readonly message: string }
  | { readonly event: 'tray'; readonly view: TrayView };

export interface CommandMessage {
  readonly id: number;
  readonly command: Command;
}
export type ProcessMessage =
  | { readonly id: number; readonly result: unknown }
  | { readonly id: number; readonly problem: string }
  | { readonly happening: Happening };
