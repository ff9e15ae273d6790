import { shell, type App, type Session, type WebContents } from 'electron';
import { APP_ORIGIN, isNavigationAllowed, isPageRequestAllowed, mayOpenExternal } from './app-origin.ts';

/** What a page may never do, whatever runs in it. */
export interface PageRules {
  readonly isPackaged: boolean;
  /** The profile of the node; null when no agent told it. */
  readonly profile: () => 'online' | 'offline' | null;
}

/** What counts as a person's doing. */
const INPUTS: ReadonlySet<string> = new Set([
  'mouseDown',
  'mouseUp',
  'keyDown',
  'rawKeyDown',
  'touchEnd',
  'gestureTap',
]);

/** Copying is all that a page may ask the system for, and only ours. */
function isPermissionGranted(permission: string, origin: string): boolean {
  return (
    permission === 'clipboard-sanitized-write' &&
    (origin === APP_ORIGIN || origin.startsWith(`${APP_ORIGIN}/`))
  );
}

/** Closes a session: no request but the app's own, no permission, no proxy look-up, no dictionary download. */
export async function secureSession(session: Session, { isPackaged }: PageRules): Promise<void> {
  session.webRequest.onBeforeRequest(({ url }, decide) => {
    decide({ cancel: !isPageRequestAllowed(url, isPackaged) });
  });
  session.setPermissionRequestHandler((contents, permission, decide) => {
    decide(isPermissionGranted(permission, contents.getURL()));
  });
  session.setPermissionCheckHandler((_contents, permission, origin) =>
    isPermissionGranted(permission, origin),
  );
  session.setDevicePermissionHandler(() => false);
  session.setSpellCheckerEnabled(false);
  session.on('will-download', (event, item) => {
    // What the page made itself may be saved; nothing else can be asked for anyway.
    if (!isPageRequestAllowed(item.getURL(), true)) event.preventDefault();
  });
  // Looking for a proxy would ask the network before the first request.
  await session.setProxy({ mode: 'direct' });
}

/** Applies to every page that the app ever has, now and later. */
export function securePages(app: App, rules: PageRules): void {
  app.on('web-contents-created', (_event, contents) => securePage(contents, rules));
}

function securePage(contents: WebContents, { profile }: PageRules): void {
  let lastInput: number | null = null;
  contents.on('input-event', (_event, { type }) => {
    if (INPUTS.has(type)) lastInput = performance.now();
  });
  const stay = (event: { preventDefault: () => void; readonly url: string }): void => {
    if (!isNavigationAllowed(event.url)) event.preventDefault();
  };
  contents.on('will-navigate', stay);
  contents.on('will-redirect', stay);
  contents.on('will-frame-navigate', stay);
  contents.on('will-attach-webview', (event) => event.preventDefault());
  contents.setWindowOpenHandler(({ url }) => {
    const msSinceInput = lastInput === null ? null : performance.now() - lastInput;
    if (mayOpenExternal({ url, msSinceInput, profile: profile() })) {
      // One gesture, one page.
      lastInput = null;
      shell.openExternal(url).catch((error: unknown) => console.error('The link was not opened:', error));
    }
    return { action: 'deny' };
  });
  contents.setWebRTCIPHandlingPolicy('disable_non_proxied_udp');
}
