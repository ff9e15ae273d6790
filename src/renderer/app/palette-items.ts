import { useEffect, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import { navigate } from 'wouter/use-browser-location';
import { useStore } from 'zustand';
import { useMantineColorScheme } from '@mantine/core';
import type { Model, Slot } from '../../shared/contract/index.ts';
import { roleCovers } from '../../shared/lifecycle/states.ts';
import { useSlots } from '../data/live.ts';
import { modelListQuery, modelQuery, modelStore } from '../data/models.ts';
import { useQuery } from '../data/queries.ts';
import { signOut, useRole } from '../data/session.ts';
import { actionsFor, runModelAction, verdictOf } from '../features/models/actions.ts';
import { modelTitle } from '../features/models/words.ts';
import type { Axis } from '../parts/glyphs.tsx';
import { t } from '../strings/text.ts';
import { openDialog } from './dialogs.ts';
import { layerStore } from './layers.ts';
import { PLACES } from './places.ts';

export interface PaletteItem {
  readonly id: string;
  readonly label: string;
  readonly detail?: string;
  /** Refused now, and why; Enter shows the way out. */
  readonly reason?: string;
  readonly keys?: string;
  /** The command that does the same. */
  readonly cli?: string;
  readonly mark?: { readonly axis: Axis; readonly state: string };
  readonly run: () => void;
}

export interface PaletteGroup {
  readonly name: string;
  readonly items: readonly PaletteItem[];
}

const FULL_TEXT_AFTER_MS = 120;
const SHOWN_OBJECTS = 8;

/** What the palette offers for a query: actions on what is open, objects, places. Prefixes narrow it. */
export function usePaletteItems(query: string): readonly PaletteGroup[] {
  const { prefix, words } = parseQuery(query);
  const actions = useActionItems();
  const objects = useObjectItems(words);
  const places = usePlaceItems();
  return useMemo(() => {
    const groups: PaletteGroup[] = [];
    const push = (name: string, items: readonly PaletteItem[]): void => {
      if (items.length > 0) groups.push({ name, items });
    };
    if (prefix === '' || prefix === '>')
      push(
        t('palette.actions'),
        actions.filter((item) => matches(item, words)),
      );
    if (prefix === '' || prefix === '#') push(t('palette.objects'), objects);
    if (prefix === '' || prefix === '?')
      push(
        t('palette.places'),
        places.filter((item) => matches(item, words)),
      );
    return groups;
  }, [prefix, words, actions, objects, places]);
}

/** Pure. */
export function parseQuery(query: string): { prefix: '' | '>' | '#' | '?'; words: string } {
  const text = query.trimStart();
  const [first = ''] = text;
  const prefix = first === '>' || first === '#' || first === '?' ? first : '';
  return { prefix, words: text.slice(prefix.length).trim().toLowerCase() };
}

/** Every word somewhere in the row. Pure. */
export function matches(item: Pick<PaletteItem, 'label' | 'detail'>, words: string): boolean {
  if (words === '') return true;
  const text = `${item.label} ${item.detail ?? ''}`.toLowerCase();
  return words.split(/\s+/).every((word) => text.includes(word));
}

/** Actions on the object that is open, then those that need none. */
function useActionItems(): readonly PaletteItem[] {
  const [path] = useLocation();
  const role = useRole();
  const modelId = /^\/models\/([^/]+)/.exec(path)?.[1] ?? null;
  const slotId = /^\/slots\/([^/]+)/.exec(path)?.[1] ?? null;
  const { data: model } = useQuery(modelId === null ? null : modelQuery(modelId));
  const slot = useSlots()?.find((one) => one.id === slotId);
  const { setColorScheme } = useMantineColorScheme();
  return useMemo(() => {
    const superadmin = roleCovers(role, 'superadmin');
    return [
      ...(model === undefined ? [] : modelItems(model)),
      ...(slot === undefined || !superadmin ? [] : slotItems(slot)),
      ...(superadmin
        ? [
            {
              id: 'add-model',
              label: t('add.title'),
              cli: 'modelops import PATH',
              run: () => openDialog({ kind: 'add-model' }),
            },
            {
              id: 'new-slot',
              label: t('slots.new'),
              cli: 'modelops slots create',
              run: () => openDialog({ kind: 'new-slot' }),
            },
            ...(['pull', 'import', 'prune'] as const).map((ask) => ({
              id: `images-${ask}`,
              label: t(`palette.images.${ask}`),
              cli: {
                pull: 'modelops images pull NAME',
                import: 'modelops images import PATH',
                prune: 'modelops images prune',
              }[ask],
              run: () => openDialog({ kind: 'images', ask, reference: null }),
            })),
            {
              id: 'new-key',
              label: t('keys.newPlain'),
              cli: 'modelops keys create NAME',
              run: () => openDialog({ kind: 'access', ask: 'new-key', id: null }),
            },
            {
              id: 'add-person',
              label: t('people.addTitle'),
              cli: 'modelops principals add NAME',
              run: () => openDialog({ kind: 'access', ask: 'add-principal', id: null }),
            },
            {
              id: 'new-group',
              label: t('groups.addTitle'),
              cli: 'modelops groups add NAME',
              run: () => openDialog({ kind: 'access', ask: 'add-group', id: null }),
            },
          ]
        : []),
      {
        id: 'add-credential',
        label: t('credentials.addPlain'),
        cli: 'modelops credentials add NAME',
        run: () => openDialog({ kind: 'credential', ask: 'add', id: null }),
      },
      {
        id: 'profile',
        label: t('profile.title'),
        cli: 'modelops profile',
        run: () => layerStore.setState({ profile: true }),
      },
      ...(['auto', 'light', 'dark'] as const).map((scheme) => ({
        id: `theme-${scheme}`,
        label: t('palette.theme', { theme: t(`settings.theme.${scheme}`) }),
        run: () => setColorScheme(scheme),
      })),
      {
        id: 'shortcuts',
        label: t('shortcuts.title'),
        keys: '?',
        run: () => openDialog({ kind: 'shortcuts' }),
      },
      { id: 'sign-out', label: t('settings.signOut'), run: () => void signOut() },
    ];
  }, [model, slot, role, setColorScheme]);
}

/** What can be done first, what is refused after it, each with its reason. */
function modelItems(model: Model): PaletteItem[] {
  const items = actionsFor(model).map((action): PaletteItem => {
    const verdict = verdictOf(model, action);
    return {
      id: `model-${action}`,
      label: t('palette.on', { action: verb(t(`modelAction.${action}`)), object: modelTitle(model) }),
      ...(verdict.ok ? {} : { reason: verdict.reason ?? '' }),
      ...(action === 'load' ? {} : { cli: `modelops models ${action} ${model.id}` }),
      run: () => {
        if (verdict.ok) runModelAction(model, action);
        else navigate(`/models/${model.id}`);
      },
    };
  });
  return items.toSorted((a, b) => Number(a.reason !== undefined) - Number(b.reason !== undefined));
}

/** The verb of a button without its dots. Pure. */
function verb(label: string): string {
  return label.replace(/…$/, '');
}

function slotItems(slot: Slot): PaletteItem[] {
  const holds = slot.assigned_model_id !== null;
  const nothing = holds ? {} : { reason: t('slots.holdsNothing') };
  const on = (key: 'load' | 'unload' | 'restart'): string =>
    t('palette.on', { action: verb(t(`slotAction.${key}`)), object: slot.id });
  return [
    {
      id: 'slot-load',
      label: on('load'),
      cli: `modelops slots load ${slot.id} MODEL`,
      run: () => openDialog({ kind: 'load', slotId: slot.id }),
    },
    {
      id: 'slot-unload',
      label: on('unload'),
      ...nothing,
      cli: `modelops slots unload ${slot.id}`,
      run: () => holds && openDialog({ kind: 'unload', slotId: slot.id }),
    },
    {
      id: 'slot-restart',
      label: on('restart'),
      ...nothing,
      cli: `modelops slots restart ${slot.id}`,
      run: () => holds && openDialog({ kind: 'restart', slotId: slot.id }),
    },
    {
      id: 'slot-logs',
      label: t('palette.on', { action: t('slotAction.logs'), object: slot.id }),
      cli: `modelops logs ${slot.id}`,
      run: () => navigate(`/slots/${slot.id}/logs`),
    },
  ];
}

/** Models and slots by name, id or digest: at once those that are known here, then what the agent finds. */
function useObjectItems(words: string): readonly PaletteItem[] {
  const [settled, setSettled] = useState('');
  useEffect(() => {
    const timer = setTimeout(() => setSettled(words), FULL_TEXT_AFTER_MS);
    return () => clearTimeout(timer);
  }, [words]);
  const wanted = bareName(settled);
  const { data: found } = useQuery(modelListQuery(wanted === '' ? {} : { q: wanted }));
  const models = useStore(modelStore, (state) => state.models);
  const slots = useSlots();
  return useMemo(() => {
    const name = bareName(words);
    const hits = Object.values(models).filter((model) => isMeant(model, name));
    const ids = new Set(hits.map((model) => model.id));
    const more = (found?.ids ?? []).flatMap((id) =>
      ids.has(id) || settled !== words ? [] : (models[id] ?? []),
    );
    return [
      ...[...hits, ...more]
        .filter((model) => model.lifecycle_state !== 'deleted')
        .slice(0, SHOWN_OBJECTS)
        .map(modelItem),
      ...(slots ?? [])
        .filter((slot) => slot.id.includes(name) || slot.display_name.toLowerCase().includes(name))
        .slice(0, SHOWN_OBJECTS)
        .map(slotItem),
    ];
  }, [words, settled, models, found, slots]);
}

/** `model://alpha/v1` and `sha256:...` name the same things as `alpha` and the digits. Pure. */
function bareName(words: string): string {
  return (
    words
      .replace(/^model:\/\//, '')
      .replace(/^(urn:modelops:content:)?sha256:/, '')
      .split(/[/@]/)[0] ?? ''
  );
}

function isMeant(model: Model, name: string): boolean {
  return (
    name === '' ||
    model.name.includes(name) ||
    model.id.includes(name) ||
    (name.length >= 4 && model.checksum?.startsWith(name) === true)
  );
}

function modelItem(model: Model): PaletteItem {
  return {
    id: `open-model-${model.id}`,
    label: modelTitle(model),
    detail: [t(`lifecycle.${model.lifecycle_state}`), model.loaded_in.join(', ')]
      .filter((part) => part !== '')
      .join(', '),
    mark: { axis: 'lifecycle', state: model.lifecycle_state },
    cli: `modelops models show ${model.id}`,
    run: () => navigate(`/models/${model.id}`),
  };
}

function slotItem(slot: Slot): PaletteItem {
  return {
    id: `open-slot-${slot.id}`,
    label: slot.id,
    detail: slot.loaded_managed_model_id ?? t(`load.${slot.load_state}`),
    mark: { axis: 'load', state: slot.load_state },
    cli: `modelops slots show ${slot.id}`,
    run: () => navigate(`/slots/${slot.id}`),
  };
}

function usePlaceItems(): readonly PaletteItem[] {
  const role = useRole();
  return useMemo(
    () =>
      PLACES.filter((place) => roleCovers(role, place.role)).map((place) => ({
        id: `place-${place.id}`,
        label: t(place.name),
        keys: `G ${place.chord.toUpperCase()}`,
        run: () => navigate(place.path),
      })),
    [role],
  );
}
