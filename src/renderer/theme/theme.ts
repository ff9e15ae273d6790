import {
  createTheme,
  type CSSVariablesResolver,
  type MantineColorsTuple,
  type VariantColorsResolver,
} from '@mantine/core';
import controls from './controls.module.css';
import { asVariables, TOKENS, type ColourTokens } from './tokens.ts';

/** Mantine's scales are built into its style sheets; these put our tokens where they reach for a shade. */
function darkScale(token: ColourTokens): MantineColorsTuple {
  return [
    token.text,
    token['text-2'],
    token['text-3'],
    token['line-strong'],
    token.line,
    token.hover,
    token.overlay,
    token.canvas,
    token.sunken,
    token.sunken,
  ];
}

function lightScale(token: ColourTokens): MantineColorsTuple {
  return [
    token.hover,
    token.raised,
    token.line,
    token.line,
    token['line-strong'],
    token['line-strong'],
    token['text-3'],
    token['text-2'],
    token.text,
    token.text,
  ];
}

const ink = (): MantineColorsTuple => {
  const { text } = TOKENS.light;
  return [text, text, text, text, text, text, text, text, text, text];
};

/** Variants by meaning. The default resolver inverts the primary colour and prints white on white in the dark. */
const variantColours: VariantColorsResolver = ({ variant }) => {
  switch (variant) {
    case 'filled':
      return {
        background: 'var(--primary-bg)',
        hover: 'color-mix(in srgb, var(--primary-bg) 88%, var(--canvas))',
        color: 'var(--primary-fg)',
        border: '1px solid transparent',
      };
    case 'danger':
      return {
        background: 'var(--danger-bg)',
        hover: 'color-mix(in srgb, var(--danger-bg) 88%, var(--canvas))',
        color: 'var(--danger-fg)',
        border: '1px solid transparent',
      };
    case 'subtle':
      return {
        background: 'transparent',
        hover: 'var(--hover)',
        color: 'var(--text-2)',
        hoverColor: 'var(--text)',
        border: '1px solid transparent',
      };
    default:
      return {
        background: 'var(--raised)',
        hover: 'var(--hover)',
        color: 'var(--text)',
        border: '1px solid var(--line-strong)',
      };
  }
};

const CONTROL_HEIGHT = { xs: '1.5rem', sm: '1.75rem' } as const;
const OVERLAY_TRANSITION = { transition: 'fade', duration: 120 } as const;

export const theme = createTheme({
  fontFamily: "'IBM Plex Sans', system-ui, sans-serif",
  fontFamilyMonospace: "'IBM Plex Mono', ui-monospace, monospace",
  fontSizes: { xs: '0.75rem', sm: '0.8125rem', md: '0.8125rem', lg: '0.9375rem', xl: '1.125rem' },
  lineHeights: { xs: '1rem', sm: '1.25rem', md: '1.25rem', lg: '1.25rem', xl: '1.5rem' },
  headings: {
    fontWeight: '600',
    sizes: {
      h1: { fontSize: '0.9375rem', lineHeight: '1.25rem' },
      h2: { fontSize: '0.8125rem', lineHeight: '1.25rem' },
      h3: { fontSize: '0.8125rem', lineHeight: '1.25rem' },
    },
  },
  spacing: { xs: '0.25rem', sm: '0.5rem', md: '0.75rem', lg: '1rem', xl: '1.5rem' },
  radius: { xs: '0.125rem', sm: '0.25rem', md: '0.375rem', lg: '0.5rem', xl: '0.5rem' },
  defaultRadius: 'sm',
  shadows: { xs: 'none', sm: 'none', md: 'var(--float)', lg: 'var(--float)', xl: 'var(--float)' },
  colors: { dark: darkScale(TOKENS.dark), gray: lightScale(TOKENS.light), ink: ink() },
  primaryColor: 'ink',
  white: TOKENS.light.overlay,
  black: TOKENS.light.text,
  variantColorResolver: variantColours,
  cursorType: 'default',
  respectReducedMotion: true,
  activeClassName: '',
  focusClassName: controls.focus ?? '',
  components: {
    Button: {
      defaultProps: { size: 'sm', variant: 'default' },
      classNames: { root: controls.button, label: controls.buttonLabel },
      vars: (_theme: unknown, { size }: { size?: string }) => ({
        root: {
          '--button-height': size === 'xs' ? CONTROL_HEIGHT.xs : CONTROL_HEIGHT.sm,
          '--button-padding-x': size === 'xs' ? '0.5rem' : '0.625rem',
          '--button-fz': '0.8125rem',
        },
      }),
    },
    ActionIcon: {
      defaultProps: { size: 24, variant: 'subtle' },
      classNames: { root: controls.actionIcon },
    },
    CloseButton: { defaultProps: { size: 24, iconSize: 16 } },
    Input: {
      classNames: { input: controls.input },
      vars: () => ({
        wrapper: { '--input-height': '1.75rem', '--input-fz': '0.8125rem', '--input-padding': '0.625rem' },
      }),
    },
    InputWrapper: {
      classNames: { label: controls.label, description: controls.description, error: controls.error },
    },
    TextInput: { defaultProps: { size: 'sm' } },
    PasswordInput: { defaultProps: { size: 'sm' } },
    Textarea: { defaultProps: { size: 'sm' } },
    Select: {
      defaultProps: {
        size: 'sm',
        checkIconPosition: 'right',
        comboboxProps: { shadow: 'md', offset: 4, transitionProps: OVERLAY_TRANSITION },
      },
      classNames: { dropdown: controls.dropdown, option: controls.option },
    },
    MultiSelect: {
      defaultProps: {
        size: 'sm',
        comboboxProps: { shadow: 'md', offset: 4, transitionProps: OVERLAY_TRANSITION },
      },
      classNames: { dropdown: controls.dropdown, option: controls.option, pill: controls.pill },
    },
    TagsInput: {
      defaultProps: {
        size: 'sm',
        comboboxProps: { shadow: 'md', offset: 4, transitionProps: OVERLAY_TRANSITION },
      },
      classNames: { dropdown: controls.dropdown, option: controls.option, pill: controls.pill },
    },
    Checkbox: { defaultProps: { size: 'xs' }, classNames: { input: controls.checkbox } },
    SegmentedControl: {
      defaultProps: { size: 'xs', transitionDuration: 0 },
      classNames: {
        root: controls.segments,
        indicator: controls.segmentIndicator,
        label: controls.segmentLabel,
      },
    },
    Menu: {
      defaultProps: {
        shadow: 'md',
        offset: 4,
        transitionProps: OVERLAY_TRANSITION,
        position: 'bottom-end',
        // It is no item of the menu and would be announced as one.
        withInitialFocusPlaceholder: false,
      },
      classNames: {
        dropdown: controls.dropdown,
        item: controls.menuItem,
        divider: controls.menuDivider,
        label: controls.menuLabel,
      },
    },
    Popover: {
      defaultProps: { shadow: 'md', offset: 4, transitionProps: OVERLAY_TRANSITION },
      classNames: { dropdown: controls.dropdown },
    },
    Tooltip: {
      defaultProps: {
        openDelay: 300,
        multiline: true,
        maw: 360,
        events: { hover: true, focus: true, touch: true },
        transitionProps: OVERLAY_TRANSITION,
      },
      classNames: { tooltip: controls.tooltip },
    },
    Modal: {
      defaultProps: {
        radius: 'lg',
        padding: 16,
        transitionProps: OVERLAY_TRANSITION,
        overlayProps: { backgroundOpacity: 0.5, color: TOKENS.dark.sunken },
        closeButtonProps: { size: 24, iconSize: 16 },
      },
      classNames: {
        content: controls.modal,
        header: controls.modalHeader,
        title: controls.modalTitle,
        body: controls.modalBody,
      },
    },
    Tabs: {
      classNames: { list: controls.tabList, tab: controls.tab },
    },
    Kbd: { classNames: { root: controls.kbd } },
  },
});

/** Set per theme, because Mantine sets its own per theme. */
const MANTINE_NAMES = {
  '--mantine-color-body': 'var(--canvas)',
  '--mantine-color-text': 'var(--text)',
  '--mantine-color-dimmed': 'var(--text-3)',
  '--mantine-color-placeholder': 'var(--text-3)',
  '--mantine-color-anchor': 'var(--blue)',
  '--mantine-color-error': 'var(--bad)',
  '--mantine-color-default': 'var(--raised)',
  '--mantine-color-default-hover': 'var(--hover)',
  '--mantine-color-default-color': 'var(--text)',
  '--mantine-color-default-border': 'var(--line-strong)',
  '--mantine-color-disabled': 'transparent',
  '--mantine-color-disabled-color': 'var(--text-3)',
  '--mantine-color-disabled-border': 'var(--line-strong)',
  '--mantine-color-bright': 'var(--text)',
};

/** Our tokens, and Mantine's own names pointed at them. */
export const cssVariablesResolver: CSSVariablesResolver = () => ({
  variables: {
    '--mantine-primary-color-filled': 'var(--primary-bg)',
    '--mantine-primary-color-filled-hover': 'var(--primary-bg)',
    '--mantine-primary-color-contrast': 'var(--primary-fg)',
    '--mantine-line-height': '1.25rem',
  },
  dark: {
    ...asVariables(TOKENS.dark),
    '--float': '0 8px 24px rgb(0 0 0 / 48%)',
    ...MANTINE_NAMES,
  },
  light: {
    ...asVariables(TOKENS.light),
    '--float': '0 8px 24px rgb(26 30 36 / 16%)',
    ...MANTINE_NAMES,
  },
});
