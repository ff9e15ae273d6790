import { Select } from '@mantine/core';
import { useCallback, useState, type ReactNode } from 'react';
import { useStore } from 'zustand';
import type { RenderedContainer, Runtime } from '../../../shared/contract/index.ts';
import { useSlots } from '../../data/live.ts';
import { modelListQuery, modelStore } from '../../data/models.ts';
import { useMutation } from '../../data/mutate.ts';
import { useQuery } from '../../data/queries.ts';
import { renderContainer } from '../../data/runtimes.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Digest } from '../../parts/figures.tsx';
import { UNKNOWN } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import css from './runtimes.module.css';

/** The container that would be made, for a slot and a model of one's choice. */
export function ContainerTab({ runtime }: { readonly runtime: Runtime }): ReactNode {
  const slots = (useSlots() ?? []).filter((slot) => slot.runtime_spec === runtime.id);
  const { data: list } = useQuery(modelListQuery({}));
  const models = useStore(modelStore, (store) => store.models);
  const [slotId, setSlotId] = useState<string | null>(null);
  const [modelId, setModelId] = useState<string | null>(null);
  const [container, setContainer] = useState<RenderedContainer | null>(null);
  const render = useMutation(
    useCallback(async () => {
      setContainer(null);
      setContainer(
        await renderContainer(runtime.id, {
          ...(slotId === null ? {} : { slot_id: slotId }),
          ...(modelId === null ? {} : { managed_model_id: modelId }),
        }),
      );
    }, [runtime.id, slotId, modelId]),
  );
  const local = (list?.ids ?? []).flatMap((id) => {
    const model = models[id];
    if (model === undefined || model.hosting !== 'local' || model.format === null) return [];
    return runtime.formats.includes(model.format) ? [model] : [];
  });
  return (
    <div className={css.stack}>
      <p className={css.about}>{t('container.about')}</p>
      <form
        className={css.form}
        onSubmit={(event) => {
          event.preventDefault();
          void render.run();
        }}
      >
        <Select
          className={css.field ?? ''}
          label={t('container.slot')}
          placeholder={t('container.noSlot')}
          clearable
          value={slotId}
          onChange={setSlotId}
          data={slots.map(({ id }) => id)}
        />
        <Select
          className={css.field ?? ''}
          label={t('container.model')}
          placeholder={t('container.noModel')}
          clearable
          searchable
          value={modelId}
          onChange={setModelId}
          data={local.map((model) => ({ value: model.id, label: modelTitle(model) }))}
        />
        <ReasonButton type="submit" variant="filled" busy={render.busy} busyLabel={t('container.showing')}>
          {t('container.show')}
        </ReasonButton>
      </form>
      {render.error !== null && <Refusal error={render.error} />}
      {container !== null && <Rendered container={container} />}
    </div>
  );
}

function Rendered({ container }: { readonly container: RenderedContainer }): ReactNode {
  const { notes, command, create, args, env, entrypoint } = container;
  return (
    <>
      <Facts
        facts={[
          [t('runtimes.col.image'), container.image ?? t('runtimes.noImage')],
          [
            t('runtimes.imageId'),
            container.image_id === null ? UNKNOWN : <Digest key="id" value={container.image_id} scheme />,
          ],
          [t('runtimes.version'), container.engine_version ?? UNKNOWN],
          [t('container.isolation'), t(`container.isolation.${container.isolation}`)],
          [
            t('container.entrypoint'),
            entrypoint === null ? t('container.entrypointOfImage') : entrypoint.join(' '),
          ],
          [t('container.hash'), <Digest key="hash" value={container.config_hash} />],
        ]}
      />
      {notes.length > 0 && (
        <Section title={t('container.notes')}>
          <ul className={css.notes}>
            {notes.map((note) => (
              <li key={note}>{note}</li>
            ))}
          </ul>
        </Section>
      )}
      {command === null ? (
        <>
          <p>{t('container.none')}</p>
          <Code title={t('container.args')} text={args.join('\n')} />
          <Code
            title={t('container.env')}
            text={Object.entries(env)
              .map(([key, value]) => `${key}=${value}`)
              .join('\n')}
          />
        </>
      ) : (
        <Code title={t('container.command')} note={t('container.commandNote')} text={command} />
      )}
      {create !== null && <Code title={t('container.create')} text={JSON.stringify(create, null, 2)} />}
    </>
  );
}

function Code({
  title,
  note,
  text,
}: {
  readonly title: string;
  readonly note?: string;
  readonly text: string;
}): ReactNode {
  if (text === '') return null;
  return (
    <Section title={title} facts={<Copy value={text} what={title} />}>
      {note !== undefined && <p className={css.dim}>{note}</p>}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so it has to be reached by keys */}
      <pre className={css.code} tabIndex={0}>
        {text}
      </pre>
    </Section>
  );
}
