import type { GpuEvent, GpuSample } from '../../../shared/contract/index.ts';
import { LOCALE } from '../../strings/locale.ts';
import type { HistoryWindow } from '../../data/hardware.ts';

/** The history of a GPU on an even time axis. Pure. */

export interface Course {
  /** The beginning of each place, in milliseconds. */
  readonly times: readonly number[];
  readonly places: readonly string[];
  /** Places at a round time, which may carry their name. */
  readonly named: readonly number[];
  readonly samples: readonly (GpuSample | null)[];
  readonly events: readonly { readonly place: number; readonly event: GpuEvent }[];
}

const MINUTE = 60_000;
const SPAN: Record<HistoryWindow, number> = { '1h': 60 * MINUTE, '24h': 24 * 60 * MINUTE };
const ROUND: Record<HistoryWindow, number> = { '1h': 10 * MINUTE, '24h': 3 * 60 * MINUTE };

const clock = new Intl.DateTimeFormat(LOCALE, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const exact = new Intl.DateTimeFormat(LOCALE, {
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  hourCycle: 'h23',
});

/** A place for each step of the window up to now; where nothing was sampled stands null. @param now milliseconds */
export function courseOf(
  history: {
    readonly window: HistoryWindow;
    readonly resolution_ms: number;
    readonly samples: readonly GpuSample[];
    readonly events: readonly GpuEvent[];
  },
  now: number,
): Course {
  const step = Math.max(1000, history.resolution_ms);
  const count = Math.ceil(SPAN[history.window] / step);
  const end = (Math.floor(now / step) + 1) * step;
  const start = end - count * step;
  const times = Array.from({ length: count }, (_, place) => start + place * step);
  const placeAt = (iso: string): number => Math.floor((Date.parse(iso) - start) / step);
  const samples = Array.from<GpuSample | null>({ length: count }).fill(null);
  for (const sample of history.samples) {
    const place = placeAt(sample.at);
    if (place >= 0 && place < count) samples[place] = sample;
  }
  const words = history.resolution_ms < MINUTE ? exact : clock;
  return {
    times,
    places: times.map((time) => (isRound(time, step, ROUND[history.window]) ? clock : words).format(time)),
    named: times.flatMap((time, place) => (isRound(time, step, ROUND[history.window]) ? [place] : [])),
    samples,
    events: history.events.flatMap((event) => {
      const place = placeAt(event.at);
      return place >= 0 && place < count ? [{ place, event }] : [];
    }),
  };
}

/** Whether a round time of the clock on the wall falls into the step that begins here. */
function isRound(time: number, step: number, round: number): boolean {
  const local = time - new Date(time).getTimezoneOffset() * MINUTE;
  return local % round < step;
}
