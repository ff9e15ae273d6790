import { useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
import type { AppError, Runtime, Slot } from '../../../../shared/contract/index.ts';
import { toastDone } from '../../../app/toasts.ts';
import { openDialog } from '../../../app/dialogs.ts';
import { asAppError } from '../../../data/api.ts';
import { useMay } from '../../../data/session.ts';
import { Conflict } from '../../../parts/Conflict.tsx';
import { Refusal } from '../../../parts/ErrorStrip.tsx';
import { formatBytes } from '../../../parts/format.ts';
import { t } from '../../../strings/text.ts';
import { useDraft } from './draft.ts';
import { EditorActions } from './EditorActions.tsx';
import { FitPanel } from './FitPanel.tsx';
import { LoadAnywayDialog } from './LoadAnywayDialog.tsx';
import { RenderDialog } from './RenderDialog.tsx';
import { saveSlot } from './save-slot.ts';
import { SettingRows } from './SettingRows.tsx';
import { configOf, problemOf, textsOf, withPatch, type Setting, type Texts } from './settings.ts';
import { useFit, useSlotEffects } from './use-fit.ts';
import css from './ConfigTab.module.css';

/** A form of settings at the left, and at the right whether it fits. */
export function SlotEditor({
  slot,
  runtime,
  settings,
  actions,
}: {
  readonly slot: Slot;
  readonly runtime: Runtime | undefined;
  readonly settings: readonly Setting[];
  readonly actions: HTMLElement | null;
}): ReactNode {
  const editor = useSlotEditor(slot, settings);
  const { draft, config, fit, change } = editor;
  const [asks, setAsks] = useState<'container' | 'anyway' | null>(null);
  const setContext = (tokens: number): void =>
    change({ texts: { ...draft.texts, context_length: String(tokens) } });
  const close = (): void => setAsks(null);
  return (
    <div className={css.editor}>
      {actions !== null &&
        createPortal(
          <EditorActions
            editor={editor}
            onRender={() => setAsks('container')}
            onAnyway={() => setAsks('anyway')}
          />,
          actions,
        )}
      <form
        className={css.form}
        aria-label={t('config.form', { slot: slot.id })}
        onSubmit={(event) => {
          event.preventDefault();
          if (editor.reason === null) void editor.save(false);
          else document.querySelector<HTMLElement>('[aria-invalid="true"]')?.focus();
        }}
      >
        <SettingRows slot={slot} runtime={runtime} settings={settings} editor={editor} />
        <Foot slot={slot} editor={editor} />
        {/* Enter in a field is the button in the header. */}
        <button type="submit" className="visually-hidden" tabIndex={-1} aria-hidden>
          {editor.verb}
        </button>
      </form>
      <aside className={css.fit} aria-label={t('fit.title')}>
        {draft.modelId === null ? (
          <p className={css.none}>{t('fit.noModel')}</p>
        ) : (
          <FitPanel
            fit={fit}
            onContext={setContext}
            onWay={(way) => {
              const [first] = way.unload;
              if (first !== undefined) openDialog({ kind: 'unload', slotId: first });
              else
                change({
                  texts: withPatch(draft.texts, way.patch),
                  ...(way.gpu_ids === null ? {} : { gpuIds: way.gpu_ids }),
                });
            }}
          />
        )}
      </aside>
      {asks === 'container' && (
        <RenderDialog
          slot={slot}
          modelId={draft.modelId}
          config={config}
          gpuIds={draft.gpuIds}
          onClose={close}
        />
      )}
      {asks === 'anyway' && fit.data !== undefined && (
        <LoadAnywayDialog
          fit={fit.data}
          onContext={setContext}
          onLoad={() => editor.saveOrThrow(true)}
          onClose={close}
        />
      )}
    </div>
  );
}

export type Editor = ReturnType<typeof useSlotEditor>;

/** The draft of a slot, what stands against it, and how it is saved. */
function useSlotEditor(slot: Slot, settings: readonly Setting[]) {
  const maySave = useMay('superadmin');
  const { draft, stored, base, changes, rev, change, discard, rebase } = useDraft(slot);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const problems: ReadonlyMap<string, string> = new Map<string, string>(
    settings.flatMap((setting) => {
      const problem = problemOf(setting, draft.texts[setting.key] ?? '');
      return problem === null ? [] : [[setting.key, problem] as const];
    }),
  );
  // What cannot be read as a number is not asked about; the last good answer stays.
  const good: Texts = Object.fromEntries(Object.entries(draft.texts).filter(([key]) => !problems.has(key)));
  const config = configOf(slot.config, good, settings);
  const fit = useFit(slot.id, draft.modelId, { config, gpu_ids: draft.gpuIds });
  const loads = draft.modelId !== null;
  const tooBig = loads && fit.data?.fits === false && !fit.stale;

  const saveOrThrow = async (override: boolean): Promise<void> => {
    const settingsChanged = changes.some((key) => key !== 'model');
    await saveSlot(slot, {
      settings: settingsChanged ? { config, gpu_ids: [...draft.gpuIds], rev } : null,
      modelId:
        draft.modelId !== null && (draft.modelId !== stored.modelId || override) ? draft.modelId : null,
      override,
    });
    discard();
    toastDone(t(loads ? 'config.savedLoads' : 'config.saved', { slot: slot.id }));
  };
  const save = async (override: boolean): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await saveOrThrow(override);
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setBusy(false);
    }
  };
  const blocked =
    (maySave ? null : t('slots.needsSuperadmin')) ??
    (changes.length === 0 ? t('config.nothingChanged') : null) ??
    problems.values().next().value ??
    null;
  return {
    draft,
    stored,
    base,
    changes,
    config,
    problems,
    fit,
    busy,
    error,
    loads,
    tooBig,
    /** Why nothing at all can be saved. */
    blocked,
    /** Why it is not saved with one press. */
    reason:
      blocked ??
      (tooBig && fit.data !== undefined
        ? t('config.doesNotFit', {
            needed: formatBytes(fit.data.required.total_bytes),
            free: formatBytes(fit.data.available_bytes),
          })
        : null),
    verb: t(loads ? 'config.saveAndLoad' : 'action.save'),
    change,
    discard: () => {
      setError(null);
      discard();
    },
    again: () => {
      rebase();
      setError(null);
    },
    save,
    saveOrThrow,
  };
}

/** What makes a draft old. */
const CHANGES = ['slot.changed'] as const;

/** What saving would do, and why it was not done. */
function Foot({ slot, editor }: { readonly slot: Slot; readonly editor: Editor }): ReactNode {
  const { draft, stored, base, changes, config, error } = editor;
  const effects = useSlotEffects(
    slot.id,
    changes.length === 0
      ? null
      : draft.modelId !== null && draft.modelId !== stored.modelId
        ? { action: 'load', managed_model_id: draft.modelId }
        : { action: 'change', config, gpu_ids: [...draft.gpuIds] },
  );
  return (
    <div className={css.foot}>
      {error !== null &&
        (error.code === 'conflict' ? (
          <Conflict
            subject={`slot:${slot.id}`}
            actions={CHANGES}
            before={configWords(base.texts)}
            now={configWords(textsOf(slot.config))}
            onAgain={editor.again}
          />
        ) : (
          <Refusal error={error} />
        ))}
      {changes.length === 0 ? (
        <p>{t('config.note')}</p>
      ) : (
        <>
          <p>{t('config.changes', { count: changes.length })}</p>
          {effects.data === undefined ? (
            <p>
              {t(slot.assigned_model_id === null ? 'config.effectNext' : 'config.effectRestart', {
                requests: slot.requests_in_flight,
              })}
            </p>
          ) : (
            <ul>
              {effects.data.map((effect) => (
                <li key={`${effect.code} ${effect.sentence}`}>{effect.sentence}</li>
              ))}
            </ul>
          )}
        </>
      )}
    </div>
  );
}

function configWords(texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts)
    .map(([key, text]) => `${key} ${text.replaceAll('\n', ' ')}`)
    .join(', ');
}
