import type { ReactNode } from 'react';
import type { Origin, Runtime, Slot } from '../../../../shared/contract/index.ts';
import { OriginNote } from '../../../parts/OriginNote.tsx';
import { t } from '../../../strings/text.ts';
import { ModelSelect } from '../ModelSelect.tsx';
import { settingName } from '../words.ts';
import { ContextField } from './ContextField.tsx';
import { Control, valueWords } from './Control.tsx';
import { GpusField } from './GpusField.tsx';
import { shown, type Setting } from './settings.ts';
import type { Editor } from './SlotEditor.tsx';
import css from './ConfigTab.module.css';

/** Model, GPUs, then every setting that the runtime takes: name, field, and where its value comes from. */
export function SettingRows({
  slot,
  runtime,
  settings,
  editor,
}: {
  readonly slot: Slot;
  readonly runtime: Runtime | undefined;
  readonly settings: readonly Setting[];
  readonly editor: Editor;
}): ReactNode {
  const { draft, stored, change } = editor;
  return (
    <>
      <Row
        id="setting-model"
        label={t('load.model')}
        origin={
          draft.modelId === stored.modelId
            ? draft.modelId === null
              ? ''
              : t('config.chosen')
            : t('config.changed')
        }
      >
        <ModelSelect
          id="setting-model"
          capability={slot.capability}
          value={draft.modelId}
          onChange={(modelId) => change({ modelId })}
        />
      </Row>
      {runtime?.device === 'cuda' && (
        <Row
          id="setting-gpus"
          label={t('setting.gpu_ids')}
          origin={
            editor.changes.includes('gpu_ids')
              ? t('config.changed')
              : t(draft.gpuIds.length === 0 ? 'config.byEngine' : 'config.chosen')
          }
        >
          <GpusField id="setting-gpus" value={draft.gpuIds} onChange={(gpuIds) => change({ gpuIds })} />
        </Row>
      )}
      {settings.map((setting) => (
        <SettingRow key={setting.key} slot={slot} setting={setting} editor={editor} />
      ))}
    </>
  );
}

function SettingRow({
  slot,
  setting,
  editor,
}: {
  readonly slot: Slot;
  readonly setting: Setting;
  readonly editor: Editor;
}): ReactNode {
  const { draft, stored, problems, fit, change } = editor;
  const { key } = setting;
  const id = `setting-${key}`;
  const value = draft.texts[key] ?? '';
  const effective = slot.effective_config?.values[key];
  const placeholder = valueWords(setting, effective) ?? t('config.unset');
  const problem = problems.get(key) ?? null;
  const set = (text: string): void => change({ texts: { ...draft.texts, [key]: text } });
  return (
    <Row
      id={id}
      label={settingName(key)}
      tall={key === 'context_length'}
      origin={
        value.trim() === (stored.texts[key] ?? '').trim() ? (
          <OriginOf slot={slot} setting={setting} onReset={value === '' ? null : () => set('')} />
        ) : (
          <span>
            {t('config.changed')}{' '}
            <Reset
              words={wordsBefore(setting, stored.texts[key])}
              onReset={() => set(stored.texts[key] ?? '')}
            />
          </span>
        )
      }
    >
      {key === 'context_length' ? (
        <ContextField
          id={id}
          value={value}
          placeholder={placeholder}
          problem={problem}
          effective={fit.data?.context_length ?? (typeof effective === 'number' ? effective : null)}
          fits={fit.data?.max_context_length ?? null}
          trained={fit.data?.trained_context_length ?? null}
          onChange={set}
        />
      ) : (
        <Control setting={setting} value={value} placeholder={placeholder} problem={problem} onChange={set} />
      )}
    </Row>
  );
}

/** Null: it was not set. */
function wordsBefore({ kind }: Setting, text: string | undefined): string | null {
  return text === undefined || text === '' ? null : shown(kind, text).replaceAll('\n', ' ');
}

/** Where a value comes from; one that is set here can be given back. */
function OriginOf({
  slot,
  setting,
  onReset,
}: {
  readonly slot: Slot;
  readonly setting: Setting;
  readonly onReset: (() => void) | null;
}): ReactNode {
  const own: Origin | undefined = slot.config[setting.key] === undefined ? undefined : { from: 'slot' };
  return (
    <>
      <OriginNote origin={slot.effective_config?.origins[setting.key] ?? own} />{' '}
      {onReset !== null && own !== undefined && <Reset words={null} onReset={onReset} />}
    </>
  );
}

function Reset({
  words,
  onReset,
}: {
  readonly words: string | null;
  readonly onReset: () => void;
}): ReactNode {
  return (
    <button type="button" className={css.reset} onClick={onReset}>
      {words === null ? t('config.takeDefault') : t('config.resetTo', { value: words })}
    </button>
  );
}

function Row({
  id,
  label,
  origin,
  tall = false,
  children,
}: {
  readonly id: string;
  readonly label: string;
  readonly origin: ReactNode;
  readonly tall?: boolean;
  readonly children: ReactNode;
}): ReactNode {
  return (
    <div className={css.row} data-tall={tall ? '' : undefined}>
      <label className={css.label} htmlFor={id}>
        {label}
      </label>
      {children}
      <span className={css.origin}>{origin}</span>
    </div>
  );
}
