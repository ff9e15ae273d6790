import type { ReactNode } from 'react';
import type { Tone } from '../theme/tokens.ts';

/**
 * The pictures of states: one family of shapes for each axis, so that shape alone tells them apart. Drawn on a grid of
 * 16 in the colour of the text; `faint` parts are the rest of a shape that is not there yet.
 */
export interface Glyph {
  readonly tone: Tone;
  readonly shape: ReactNode;
}

const FAINT = 0.45;

function Bars({ filled, slash = false }: { filled: number; slash?: boolean }): ReactNode {
  const bars = [
    { x: 0.75, height: 4 },
    { x: 4.75, height: 7 },
    { x: 8.75, height: 10.5 },
    { x: 12.75, height: 14 },
  ];
  return (
    <>
      {bars.map(({ x, height }, index) =>
        index < filled ? (
          <rect key={x} x={x - 0.5} y={15 - height} width={3} height={height} rx={0.75} fill="currentColor" />
        ) : (
          <rect
            key={x}
            x={x}
            y={15.5 - height}
            width={2}
            height={height - 1}
            rx={0.5}
            fill="none"
            stroke="currentColor"
            strokeWidth={1}
            opacity={filled > 0 ? 0.7 : 1}
          />
        ),
      )}
      {slash && (
        <path d="M1.5 14.5 14.5 1.5" stroke="currentColor" strokeWidth={1.75} strokeLinecap="round" />
      )}
    </>
  );
}

const slashOnly = <path d="M2.5 13.5 13.5 2.5" stroke="currentColor" strokeWidth={2} strokeLinecap="round" />;

function Ring({ opacity = 1, dash }: { opacity?: number; dash?: string }): ReactNode {
  return (
    <circle
      cx={8}
      cy={8}
      r={6}
      fill="none"
      stroke="currentColor"
      strokeWidth={2}
      opacity={opacity}
      strokeDasharray={dash}
    />
  );
}

const disc = <circle cx={8} cy={8} r={7} fill="currentColor" />;

const octagon = (
  <path
    d="M5.1 1h5.8L15 5.1v5.8L10.9 15H5.1L1 10.9V5.1zM7.05 4h1.9v5h-1.9zM7.05 10.3h1.9v1.9h-1.9z"
    fill="currentColor"
    fillRule="evenodd"
  />
);

const tick = (
  <path
    d="M3 8.5 6.5 12 13 4.5"
    fill="none"
    stroke="currentColor"
    strokeWidth={2.5}
    strokeLinecap="round"
    strokeLinejoin="round"
  />
);

const cross = <path d="M4 4l8 8M12 4l-8 8" stroke="currentColor" strokeWidth={2.5} strokeLinecap="round" />;

const dash = <path d="M4 8h8" stroke="currentColor" strokeWidth={2} strokeLinecap="round" />;

const clock = (
  <>
    <Ring dash="2.6 1.6" />
    <path d="M8 4.75V8l2.25 1.5" fill="none" stroke="currentColor" strokeWidth={1.5} strokeLinecap="round" />
  </>
);

const triangle = (
  <>
    <path d="M8 2 15 14H1z" fill="none" stroke="currentColor" strokeWidth={1.75} strokeLinejoin="round" />
    <path d="M8 6.5v3.25" stroke="currentColor" strokeWidth={1.75} strokeLinecap="round" />
    <circle cx={8} cy={11.9} r={0.95} fill="currentColor" />
  </>
);

function Diamond({ filled = false, crossed = false }: { filled?: boolean; crossed?: boolean }): ReactNode {
  return (
    <>
      <path
        d="M8 1.5 14.5 8 8 14.5 1.5 8z"
        fill={filled ? 'currentColor' : 'none'}
        stroke="currentColor"
        strokeWidth={1.75}
        strokeLinejoin="round"
      />
      {crossed && (
        <path d="M6 6l4 4M10 6l-4 4" stroke="currentColor" strokeWidth={1.5} strokeLinecap="round" />
      )}
    </>
  );
}

function JobBar({ children, rest = true }: { children: ReactNode; rest?: boolean }): ReactNode {
  return (
    <>
      {rest && <rect x={1} y={6} width={14} height={4} rx={1} fill="currentColor" opacity={FAINT} />}
      {children}
    </>
  );
}

const smallCross = (
  <path d="M10.5 5.5l4 5M14.5 5.5l-4 5" stroke="currentColor" strokeWidth={1.75} strokeLinecap="round" />
);

function Page({ children, dashed = false }: { children?: ReactNode; dashed?: boolean }): ReactNode {
  return (
    <>
      <path
        d="M3 1.75h6.5L13 5.25v9H3z"
        fill="none"
        stroke="currentColor"
        strokeWidth={1.5}
        strokeLinejoin="round"
        strokeDasharray={dashed ? '2 1.8' : undefined}
      />
      {children}
    </>
  );
}

const GLYPHS = {
  lifecycle: {
    created: { tone: 'text-3', shape: <Bars filled={1} /> },
    registered: { tone: 'text-2', shape: <Bars filled={2} /> },
    validated: { tone: 'blue', shape: <Bars filled={3} /> },
    active: { tone: 'ok', shape: <Bars filled={4} /> },
    inactive: { tone: 'text-2', shape: <Bars filled={0} /> },
    unregistered: { tone: 'text-3', shape: <Bars filled={0} slash /> },
    deleted: { tone: 'text-3', shape: slashOnly },
  },
  load: {
    empty: { tone: 'text-3', shape: <Ring /> },
    loading: {
      tone: 'blue',
      shape: (
        <>
          <Ring opacity={FAINT} />
          <path
            data-turns=""
            d="M8 2a6 6 0 0 1 6 6"
            fill="none"
            stroke="currentColor"
            strokeWidth={2}
            strokeLinecap="round"
          />
        </>
      ),
    },
    reconciling: {
      tone: 'warn',
      shape: (
        <>
          <Ring />
          <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
        </>
      ),
    },
    loaded: { tone: 'ok', shape: disc },
    error: { tone: 'bad', shape: octagon },
  },
  validation: {
    never: { tone: 'text-3', shape: dash },
    current: { tone: 'ok', shape: tick },
    stale: { tone: 'warn', shape: clock },
    failed: { tone: 'bad', shape: cross },
  },
  approval: {
    none: { tone: 'text-3', shape: dash },
    pending: { tone: 'wait', shape: <Diamond /> },
    approved: { tone: 'ok', shape: <Diamond filled /> },
    rejected: { tone: 'bad', shape: <Diamond crossed /> },
  },
  job: {
    queued: {
      tone: 'text-3',
      shape: (
        <>
          <rect x={1.5} y={6.75} width={2.5} height={2.5} rx={0.5} fill="currentColor" />
          <rect x={6.75} y={6.75} width={2.5} height={2.5} rx={0.5} fill="currentColor" />
          <rect x={12} y={6.75} width={2.5} height={2.5} rx={0.5} fill="currentColor" />
        </>
      ),
    },
    running: {
      tone: 'blue',
      shape: (
        <JobBar>
          <rect x={1} y={6} width={8} height={4} rx={1} fill="currentColor" />
        </JobBar>
      ),
    },
    stalled: {
      tone: 'warn',
      shape: (
        <>
          <rect x={1} y={6} width={5.5} height={4} rx={0.75} fill="currentColor" />
          <rect x={9.5} y={6} width={5.5} height={4} rx={0.75} fill="currentColor" />
        </>
      ),
    },
    waiting: {
      tone: 'text-2',
      shape: (
        <>
          <rect x={0.5} y={6} width={7} height={4} rx={1} fill="currentColor" opacity={FAINT} />
          <circle cx={11.5} cy={8} r={3.5} fill="none" stroke="currentColor" strokeWidth={1.5} />
          <path
            d="M11.5 6.25V8l1.25.8"
            fill="none"
            stroke="currentColor"
            strokeWidth={1.1}
            strokeLinecap="round"
          />
        </>
      ),
    },
    paused: {
      tone: 'text-2',
      shape: (
        <JobBar>
          <rect x={1} y={6} width={7} height={4} rx={1} fill="currentColor" />
          <rect x={8.5} y={3} width={2} height={10} rx={0.5} fill="currentColor" />
        </JobBar>
      ),
    },
    succeeded: {
      tone: 'ok',
      shape: <rect x={1} y={6} width={14} height={4} rx={1} fill="currentColor" />,
    },
    failed: {
      tone: 'bad',
      shape: (
        <>
          <rect x={1} y={6} width={7.5} height={4} rx={1} fill="currentColor" />
          {smallCross}
        </>
      ),
    },
    cancelled: {
      tone: 'text-3',
      shape: (
        <JobBar>
          <path d="M3 13.5 13 2.5" stroke="currentColor" strokeWidth={1.75} strokeLinecap="round" />
        </JobBar>
      ),
    },
  },
  artifact: {
    absent: { tone: 'text-3', shape: <Page dashed /> },
    partial: {
      tone: 'blue',
      shape: (
        <Page>
          <rect x={3.5} y={9} width={9} height={5} fill="currentColor" />
        </Page>
      ),
    },
    verifying: {
      tone: 'blue',
      shape: (
        <Page>
          <path
            d="M5.25 7.5h5.5M5.25 10.5h5.5"
            stroke="currentColor"
            strokeWidth={1.5}
            strokeLinecap="round"
          />
        </Page>
      ),
    },
    ready: {
      tone: 'ok',
      shape: <path d="M2.5 1h7.25L13.5 4.75V15h-11z" fill="currentColor" />,
    },
    missing: {
      tone: 'bad',
      shape: (
        <Page>
          <path
            d="M6.25 7a1.75 1.75 0 1 1 2.4 1.6c-.45.2-.65.5-.65 1"
            fill="none"
            stroke="currentColor"
            strokeWidth={1.3}
            strokeLinecap="round"
          />
          <circle cx={8} cy={12} r={0.85} fill="currentColor" />
        </Page>
      ),
    },
    corrupt: {
      tone: 'bad',
      shape: (
        <Page>
          <path
            d="M3.5 9.5 5.5 11 7.25 8.5 9.25 11.25 10.75 9l1.75 1.5"
            fill="none"
            stroke="currentColor"
            strokeWidth={1.4}
            strokeLinejoin="round"
          />
        </Page>
      ),
    },
    quarantined: {
      tone: 'warn',
      shape: (
        <Page>
          <path
            d="M5.25 11.5 9.5 6.5M7.5 12.5 11 8.5"
            stroke="currentColor"
            strokeWidth={1.5}
            strokeLinecap="round"
          />
        </Page>
      ),
    },
  },
  check: {
    ok: { tone: 'ok', shape: tick },
    warning: { tone: 'warn', shape: triangle },
    failed: { tone: 'bad', shape: octagon },
    skipped: { tone: 'text-3', shape: dash },
  },
  /** Rungs of the ladder to being invoked. */
  step: {
    met: { tone: 'ok', shape: tick },
    next: {
      tone: 'text',
      shape: (
        <path
          d="M5.5 3.5 10.5 8l-5 4.5"
          fill="none"
          stroke="currentColor"
          strokeWidth={2}
          strokeLinecap="round"
          strokeLinejoin="round"
        />
      ),
    },
    broken: { tone: 'warn', shape: clock },
    later: { tone: 'text-3', shape: dash },
    blocked: { tone: 'bad', shape: octagon },
  },
} as const;

export type Axis = keyof typeof GLYPHS;
export type StateOf<A extends Axis> = keyof (typeof GLYPHS)[A] & string;

/** The glyph of a state. */
export function glyphOf<A extends Axis>(axis: A, state: StateOf<A>): Glyph {
  return (GLYPHS[axis] as unknown as Record<string, Glyph>)[state] ?? { tone: 'text-3', shape: dash };
}

/** Every axis with its states, for tests and for the sheet of glyphs. */
export function allGlyphs(): { readonly axis: Axis; readonly states: readonly string[] }[] {
  return (Object.keys(GLYPHS) as Axis[]).map((axis) => ({ axis, states: Object.keys(GLYPHS[axis]) }));
}
