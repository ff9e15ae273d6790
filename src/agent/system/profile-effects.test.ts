import { describe, expect, it } from 'vitest';
import { profileEffects, type ProfileFacts } from './profile-effects.ts';

const facts = (more: Partial<ProfileFacts>): ProfileFacts => ({
  state: { profile: 'online', locked: false, source: 'stored' },
  activeCloudModels: [],
  servingSlots: 0,
  downloads: [],
  providerHosts: [],
  ...more,
});
const OFFLINE = { profile: 'offline', locked: false, source: 'stored' } as const;
const hosts = [
  { host: 'api.one.example', credentials: 2, models: 3 },
  { host: '10.0.0.5:8443', credentials: 1, models: 1 },
];
const sentences = (target: 'online' | 'offline', more: Partial<ProfileFacts>) =>
  profileEffects(target, facts(more)).map(({ sentence }) => sentence);

describe('going offline', () => {
  it('names what pauses, what is refused and what goes on', () => {
    expect(
      sentences('offline', {
        activeCloudModels: ['gpt-v1', 'claude-v1', 'embed-v2', 'rank-v1', 'other-v1'],
        servingSlots: 3,
        downloads: [
          {
            title: 'Download org/model',
            progress: { phase: 'downloading', bytes_done: 64, bytes_total: 100 },
          },
          { title: 'Download org/new', progress: null },
        ],
        providerHosts: hosts,
      }),
    ).toEqual([
      'Pauses “Download org/model” at 64 %.',
      'Pauses “Download org/new”.',
      'Refuses calls of 5 active cloud models until the node is online again: gpt-v1, claude-v1, embed-v2 and 2 more. They stay active.',
      'Nothing is asked of api.one.example, 10.0.0.5:8443: no discovery, no test, no renewal of a validation.',
      '3 local slots keep serving.',
    ]);
  });
});

describe('going online', () => {
  it('names every host the node may then connect to, and why', () => {
    expect(
      sentences('online', {
        state: OFFLINE,
        providerHosts: hosts,
        downloads: [
          { title: 'Download org/model', progress: { phase: 'paused', bytes_done: 1, bytes_total: null } },
        ],
      }),
    ).toEqual([
      'This node may then connect to api.one.example, for 2 credentials and 3 models.',
      'This node may then connect to 10.0.0.5:8443, for 1 credential and 1 model.',
      'Goes on with “Download org/model”.',
      'Local models are not affected.',
    ]);
  });
});
