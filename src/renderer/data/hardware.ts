import { useEffect } from 'react';
import {
  ENDPOINTS,
  type EndpointOutput,
  type Gpu,
  type Gpus,
  type Hardware,
} from '../../shared/contract/index.ts';
import { call } from './api.ts';
import { liveFeed } from './live.ts';
import { queries, useQuery, type Query, type QueryState } from './queries.ts';
import { useMay } from './session.ts';

/** GPUs and the rest of the machine. */

export type GpuHistory = EndpointOutput<typeof ENDPOINTS.getGpuHistory>;
export type HistoryWindow = GpuHistory['window'];

const gpusQuery: Query<Gpus> = {
  key: 'gpus',
  about: ['system'],
  read: (signal) => call(ENDPOINTS.listGpus, {}, { signal }),
};

const hardwareQuery: Query<Hardware> = {
  key: 'hardware',
  about: ['system'],
  read: async (signal) => (await call(ENDPOINTS.getHardware, {}, { signal })).hardware,
};

const POLL_MS = 15_000;

/** Reads an answer again from time to time while the page is looked at. */
function usePolled(key: string | null, every: number): void {
  useEffect(() => {
    if (key === null) return undefined;
    const timer = setInterval(() => {
      if (document.visibilityState === 'visible') queries.refresh(key);
    }, every);
    return () => clearInterval(timer);
  }, [key, every]);
}

/** What is known of the GPUs, as old as the agent's own rest between two looks. Nothing for who may not know. */
function useGpus(): QueryState<Gpus> {
  const admin = useMay('admin');
  const state = useQuery(admin ? gpusQuery : null);
  usePolled(admin ? gpusQuery.key : null, POLL_MS);
  return state;
}

/** The cards and their instances; none while nothing is known. */
export function useGpuList(): readonly Gpu[] {
  return useGpus().data?.gpus ?? NONE;
}
const NONE: readonly Gpu[] = [];

/** The same, with figures every second for as long as the page that asks is in sight. */
export function useLiveGpus(): QueryState<Gpus> {
  const state = useGpus();
  useEffect(() => {
    let stop = document.visibilityState === 'visible' ? watchGpus() : null;
    const onVisibility = (): void => {
      const visible = document.visibilityState === 'visible';
      if (visible) stop ??= watchGpus();
      else {
        stop?.();
        stop = null;
      }
    };
    document.addEventListener('visibilitychange', onVisibility);
    return () => {
      document.removeEventListener('visibilitychange', onVisibility);
      stop?.();
    };
  }, []);
  return state;
}

/** From one page to the next nobody looks for a moment; that is no reason to open another stream. */
const LINGER_MS = 3000;
let watchers = 0;
let unfollow: (() => void) | null = null;
let linger: ReturnType<typeof setTimeout> | null = null;

/** One listener for all that look. @returns what ends it */
function watchGpus(): () => void {
  watchers += 1;
  if (linger !== null) clearTimeout(linger);
  linger = null;
  unfollow ??= liveFeed.followTelemetry(({ name, data }) => {
    if (name === 'gpus') queries.put(gpusQuery, data);
  });
  return () => {
    watchers -= 1;
    if (watchers > 0) return;
    linger ??= setTimeout(() => {
      linger = null;
      unfollow?.();
      unfollow = null;
    }, LINGER_MS);
  };
}

/** Processor, memory, disks and the graphics that no slot can use. */
export function useHardware(): QueryState<Hardware> {
  const state = useQuery(hardwareQuery);
  usePolled(hardwareQuery.key, POLL_MS);
  return state;
}

/** What a GPU did lately. */
export function useGpuHistory(uuid: string, window: HistoryWindow): QueryState<GpuHistory> {
  const query: Query<GpuHistory> = {
    key: `gpu history ${uuid} ${window}`,
    about: [],
    read: (signal) => call(ENDPOINTS.getGpuHistory, { params: { uuid }, query: { window } }, { signal }),
  };
  const state = useQuery(query);
  usePolled(query.key, POLL_MS);
  return state;
}
