import { Menu, nativeImage, Tray, type MenuItemConstructorOptions, type NativeImage } from 'electron';
import type { Slot } from '../shared/contract/index.ts';
import type { AgentState } from '../shared/desktop/bridge.ts';
import type { AgentFacts } from './agent-watch.ts';
import { drawGlyph } from './tray-glyph.ts';
import { jobLine, slotLine, verdictOf, type Glyph } from './verdict.ts';

export interface TrayActions {
  readonly open: (path: string) => void;
  readonly unload: (slot: Slot) => void;
  readonly startAgent: () => void;
  readonly quit: () => void;
}

const ICON_SIZE = 16;
const SCALES = [1, 2, 3];
const MAX_LINES = 12;
const MAX_LABEL = 80;

/** The glyph in the bar, its verdict, and a menu that only opens, except for what it says it does. */
export class StatusTray {
  readonly #tray: Tray;
  readonly #actions: TrayActions;
  readonly #isMac: boolean;
  readonly #icons = new Map<Glyph, NativeImage>();
  #shown = '';

  constructor(actions: TrayActions, platform: NodeJS.Platform) {
    this.#actions = actions;
    this.#isMac = platform === 'darwin';
    this.#tray = new Tray(this.#icon('half'));
    this.#tray.on('click', () => {
      // On macOS a click opens the menu.
      if (!this.#isMac) actions.open('/');
    });
  }

  show(state: AgentState, facts: AgentFacts | null): void {
    const { glyph, sentence } = verdictOf(state, facts);
    const template = menuTemplate(state, facts, this.#actions);
    // Progress comes many times a second; a menu that is rebuilt closes under the cursor.
    const shown = JSON.stringify([glyph, sentence, template]);
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.#tray.setImage(this.#icon(glyph));
    this.#tray.setToolTip(`ModelOps Node: ${sentence}`);
    this.#tray.setContextMenu(Menu.buildFromTemplate(template));
  }

  destroy(): void {
    this.#tray.destroy();
  }

  #icon(glyph: Glyph): NativeImage {
    const known = this.#icons.get(glyph);
    if (known !== undefined) return known;
    const image = nativeImage.createEmpty();
    for (const scaleFactor of SCALES) {
      const size = ICON_SIZE * scaleFactor;
      const buffer = drawGlyph(glyph, size, this.#isMac);
      image.addRepresentation({ scaleFactor, width: size, height: size, buffer });
    }
    if (this.#isMac) image.setTemplateImage(true);
    this.#icons.set(glyph, image);
    return image;
  }
}

/** Verdict, standing warnings, slots, jobs, Open, Quit. Pure. */
function menuTemplate(
  state: AgentState,
  facts: AgentFacts | null,
  actions: TrayActions,
): MenuItemConstructorOptions[] {
  const line = (label: string): MenuItemConstructorOptions => ({ label: shorten(label), enabled: false });
  const separator: MenuItemConstructorOptions = { type: 'separator' };
  const groups: MenuItemConstructorOptions[][] = [
    [
      line(verdictOf(state, facts).sentence),
      ...state.warnings.map(({ message }) => line(`Note: ${message}`)),
    ],
    (facts?.slots ?? []).slice(0, MAX_LINES).map((slot) => slotItem(slot, actions)),
    (facts?.jobs ?? []).slice(0, MAX_LINES).map((job) => ({
      label: shorten(jobLine(job)),
      click: () => actions.open(`/jobs/${encodeURIComponent(job.id)}`),
    })),
    [
      { label: 'Open ModelOps Node', click: () => actions.open('/') },
      ...(state.state === 'stopped' ? [{ label: 'Start the agent', click: () => actions.startAgent() }] : []),
      { label: 'Quit…', click: () => actions.quit() },
    ],
  ];
  return groups
    .filter((group) => group.length > 0)
    .flatMap((group, index) => (index === 0 ? group : [separator, ...group]));
}

function slotItem(slot: Slot, actions: TrayActions): MenuItemConstructorOptions {
  const open = { label: 'Open', click: () => actions.open(`/slots/${encodeURIComponent(slot.id)}`) };
  const unload = { label: 'Unload…', click: () => actions.unload(slot) };
  return {
    label: shorten(slotLine(slot)),
    submenu: slot.load_state === 'loaded' ? [open, unload] : [open],
  };
}

function shorten(label: string): string {
  return label.length <= MAX_LABEL ? label : `${label.slice(0, MAX_LABEL - 1)}…`;
}
