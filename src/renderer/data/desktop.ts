import type { DesktopBridge } from '../../shared/desktop/bridge.ts';

/** What the desktop app offers; null in a browser. */
export const desktop: DesktopBridge | null = (globalThis as { desktop?: DesktopBridge }).desktop ?? null;
