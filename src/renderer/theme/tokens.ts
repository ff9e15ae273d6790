/**
 * Every colour of the UI, for both themes. The only file with hex values: style sheets use the CSS variables made of
 * these names. Computed so that text and state colours reach 4.6:1 on every surface, control borders and bar segments
 * 3:1, and the five hues stay apart for people who do not see red and green alike.
 */
export interface ColourTokens {
  /** Sidebar and status bar. */
  readonly sunken: string;
  readonly canvas: string;
  /** Inputs and strips. */
  readonly raised: string;
  /** Menus and dialogs. */
  readonly overlay: string;
  readonly hover: string;
  readonly selected: string;
  readonly line: string;
  /** Borders of controls. */
  readonly 'line-strong': string;
  readonly text: string;
  readonly 'text-2': string;
  readonly 'text-3': string;
  /** Moving, links, focus. */
  readonly blue: string;
  readonly ok: string;
  readonly warn: string;
  readonly bad: string;
  /** Waits for a person. */
  readonly wait: string;
  readonly 'blue-bg': string;
  readonly 'ok-bg': string;
  readonly 'warn-bg': string;
  readonly 'bad-bg': string;
  readonly 'wait-bg': string;
  readonly 'primary-bg': string;
  readonly 'primary-fg': string;
  readonly 'danger-bg': string;
  readonly 'danger-fg': string;
  readonly track: string;
  /** Bars: what is ours (of a model: its weights), and what is somebody else's. */
  readonly 'mem-ours': string;
  readonly 'mem-kv': string;
  readonly 'mem-compute': string;
  readonly 'mem-overhead': string;
  readonly 'mem-other': string;
  /** Lines of charts. */
  readonly 'series-1': string;
  readonly 'series-2': string;
  readonly focus: string;
}

export const TOKENS: { readonly dark: ColourTokens; readonly light: ColourTokens } = {
  dark: {
    sunken: '#0C0F12',
    canvas: '#121519',
    raised: '#1A1E22',
    overlay: '#21252A',
    hover: '#1E2126',
    selected: '#182C40',
    line: '#2E3237',
    'line-strong': '#71767D',
    text: '#E3E5E7',
    'text-2': '#B4B8BC',
    'text-3': '#969AA0',
    blue: '#85CAF7',
    ok: '#77E7A5',
    warn: '#EEB23D',
    bad: '#F2716C',
    wait: '#AE8BF2',
    'blue-bg': '#162631',
    'ok-bg': '#16281D',
    'warn-bg': '#2D2312',
    'bad-bg': '#341D1C',
    'wait-bg': '#282137',
    'primary-bg': '#E3E5E7',
    'primary-fg': '#121519',
    'danger-bg': '#CC3336',
    'danger-fg': '#FFFFFF',
    track: '#21252A',
    'mem-ours': '#2A76C3',
    'mem-kv': '#42B3DB',
    'mem-compute': '#9DE3E6',
    'mem-overhead': '#78818C',
    'mem-other': '#70757C',
    'series-1': '#59AAF8',
    'series-2': '#F7AB5D',
    focus: '#85CAF7',
  },
  light: {
    sunken: '#F1F3F5',
    canvas: '#FDFDFE',
    raised: '#F6F8FA',
    overlay: '#FFFFFF',
    hover: '#EEF0F3',
    selected: '#DBECFD',
    line: '#DADDE0',
    'line-strong': '#80858C',
    text: '#1A1E24',
    'text-2': '#494D54',
    'text-3': '#63686E',
    blue: '#2D69A2',
    ok: '#1A7551',
    warn: '#683B01',
    bad: '#C1291F',
    wait: '#68208B',
    'blue-bg': '#DDF0FF',
    'ok-bg': '#D8F6E3',
    'warn-bg': '#FFECC9',
    'bad-bg': '#FFE6E2',
    'wait-bg': '#F2E8FD',
    'primary-bg': '#1A1E24',
    'primary-fg': '#FFFFFF',
    'danger-bg': '#BE2323',
    'danger-fg': '#FFFFFF',
    track: '#E4E6E9',
    'mem-ours': '#02468B',
    'mem-kv': '#0075A4',
    'mem-compute': '#1B8FA5',
    'mem-overhead': '#6A727D',
    'mem-other': '#7B8187',
    'series-1': '#1762B6',
    'series-2': '#BA5D1D',
    focus: '#2D69A2',
  },
};

export type Tone = 'text' | 'text-3' | 'text-2' | 'blue' | 'ok' | 'warn' | 'bad' | 'wait';

/** `{ '--canvas': '#121519', ... }` for one theme. Pure. */
export function asVariables(tokens: ColourTokens): Record<string, string> {
  return Object.fromEntries(Object.entries(tokens).map(([name, value]) => [`--${name}`, value as string]));
}
