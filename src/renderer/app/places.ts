import type { Role } from '../../shared/lifecycle/states.ts';
import type { TextKey } from '../strings/text.ts';

/** The entries of the navigation, in their order. Only what exists. */
export interface Place {
  readonly id:
    | 'overview'
    | 'models'
    | 'slots'
    | 'playground'
    | 'usage'
    | 'access'
    | 'credentials'
    | 'hardware'
    | 'runtimes'
    | 'doctor'
    | 'settings';
  readonly path: string;
  readonly name: TextKey;
  readonly group: 'top' | 'library' | 'serving' | 'governance' | 'machine' | 'foot';
  /** `G`, then this. */
  readonly chord: string;
  readonly role: Role;
}

export const PLACES: readonly Place[] = [
  { id: 'overview', path: '/', name: 'place.overview', group: 'top', chord: 'o', role: 'user' },
  { id: 'models', path: '/models', name: 'place.models', group: 'library', chord: 'm', role: 'user' },
  { id: 'slots', path: '/slots', name: 'place.slots', group: 'serving', chord: 's', role: 'admin' },
  {
    id: 'playground',
    path: '/playground',
    name: 'place.playground',
    group: 'serving',
    chord: 'p',
    role: 'user',
  },
  { id: 'usage', path: '/usage', name: 'place.usage', group: 'serving', chord: 'u', role: 'user' },
  {
    id: 'access',
    path: '/access',
    name: 'place.access',
    group: 'governance',
    chord: 'a',
    role: 'superadmin',
  },
  {
    id: 'credentials',
    path: '/credentials',
    name: 'place.credentials',
    group: 'governance',
    chord: 'c',
    role: 'user',
  },
  {
    id: 'hardware',
    path: '/hardware',
    name: 'place.hardware',
    group: 'machine',
    chord: 'h',
    role: 'admin',
  },
  {
    id: 'runtimes',
    path: '/runtimes',
    name: 'place.runtimes',
    group: 'machine',
    chord: 'r',
    role: 'admin',
  },
  { id: 'doctor', path: '/doctor', name: 'place.doctor', group: 'machine', chord: 'd', role: 'admin' },
  { id: 'settings', path: '/settings', name: 'place.settings', group: 'foot', chord: ',', role: 'user' },
];

/** The place a path belongs to. Pure. */
export function placeOf(path: string): Place | undefined {
  return PLACES.find(
    (place) => place.path === path || (place.path !== '/' && path.startsWith(`${place.path}/`)),
  );
}
