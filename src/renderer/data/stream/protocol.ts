import type { Topic } from '../../../shared/contract/index.ts';

/** What pages and the keeper of the event stream say to each other. */

/** One server-sent event, parsed. */
export interface StreamEvent {
  readonly name: string;
  readonly data: unknown;
}

export type StreamState =
  | { readonly status: 'connecting'; readonly lostAt: number | null }
  /** `resumed`: durable events since the last id follow; what is transient has to be read again. */
  | { readonly status: 'open'; readonly resumed: boolean; readonly version: string; readonly headSeq: number }
  | { readonly status: 'refused'; readonly message: string; readonly hint: string };

/** What a keeper tells its pages. */
export type KeeperMessage =
  | { readonly type: 'state'; readonly state: StreamState; readonly heardAt: number }
  | { readonly type: 'events'; readonly events: readonly StreamEvent[]; readonly heardAt: number }
  | { readonly type: 'session'; readonly token: string | null };

/** What a page tells the keeper. */
export type PageMessage =
  | { readonly type: 'attach'; readonly token: string | null; readonly topics: readonly Topic[] }
  | { readonly type: 'detach' }
  | { readonly type: 'ask-session' }
  | { readonly type: 'sign-out'; readonly token: string }
  /** Try at once instead of after the pause. */
  | { readonly type: 'retry' };
