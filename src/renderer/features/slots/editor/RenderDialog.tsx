import { Modal } from '@mantine/core';
import type { ReactNode } from 'react';
import {
  ENDPOINTS,
  type RenderedContainer,
  type Slot,
  type SlotConfig,
} from '../../../../shared/contract/index.ts';
import { call } from '../../../data/api.ts';
import { useQuery } from '../../../data/queries.ts';
import { copyText } from '../../../parts/Copy.tsx';
import confirmCss from '../../../parts/Confirm.module.css';
import { Refusal } from '../../../parts/ErrorStrip.tsx';
import { Pending } from '../../../parts/Pending.tsx';
import { ReasonButton } from '../../../parts/ReasonButton.tsx';
import { toastDone } from '../../../app/toasts.ts';
import { t } from '../../../strings/text.ts';
import css from './RenderDialog.module.css';

/** The exact container that these settings would make. Nothing is made. */
export function RenderDialog({
  slot,
  modelId,
  config,
  gpuIds,
  onClose,
}: {
  readonly slot: Slot;
  readonly modelId: string | null;
  readonly config: SlotConfig;
  readonly gpuIds: readonly string[];
  readonly onClose: () => void;
}): ReactNode {
  const body = {
    slot_id: slot.id,
    capability: slot.capability,
    ...(modelId === null ? {} : { managed_model_id: modelId }),
    gpu_ids: [...gpuIds],
    config,
  };
  const { data, error } = useQuery({
    key: `render ${slot.runtime_spec} ${JSON.stringify(body)}`,
    about: [`slot:${slot.id}`, 'runtime:*'],
    read: async (signal) =>
      (await call(ENDPOINTS.renderRuntime, { params: { id: slot.runtime_spec }, body }, { signal }))
        .container,
  });
  // What runs inside of the agent has no call.
  const words = data === undefined ? '' : (data.command ?? wordsOf(data));
  const text = words === '' ? null : words;
  return (
    <Modal
      opened
      onClose={onClose}
      size={760}
      withCloseButton={false}
      title={t('render.title', { slot: slot.id })}
    >
      <div className={confirmCss.body}>
        {error !== null && <Refusal error={error} />}
        {data === undefined && error === null && <Pending rows={8} rowHeight={20} />}
        {data !== undefined && <Rendered container={data} text={text} />}
      </div>
      <div className={confirmCss.buttons}>
        <ReasonButton onClick={onClose}>{t('action.close')}</ReasonButton>
        {data?.create != null && (
          <ReasonButton onClick={() => void copy(JSON.stringify(data.create, null, 2))}>
            {t('render.copyCall')}
          </ReasonButton>
        )}
        {text !== null && (
          <ReasonButton variant="filled" onClick={() => void copy(text)}>
            {t('render.copy')}
          </ReasonButton>
        )}
      </div>
    </Modal>
  );
}

async function copy(text: string): Promise<void> {
  await copyText(text);
  toastDone(t('render.copied'));
}

function Rendered({
  container,
  text,
}: {
  readonly container: RenderedContainer;
  readonly text: string | null;
}): ReactNode {
  return (
    <>
      {container.driver !== 'docker' && <p>{t(`render.driver.${container.driver}`)}</p>}
      <p className={css.facts}>
        {container.image ?? t('render.noImage')}
        {container.engine_version === null ? '' : `, ${container.engine_version}`},{' '}
        {t(`slot.isolation.${container.isolation}`)}
      </p>
      {container.notes.length > 0 && (
        <ul className={css.notes}>
          {container.notes.map((note) => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {text !== null && (
        // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys
        <pre className={css.command} tabIndex={0} role="region" aria-label={t('render.command')}>
          {text}
        </pre>
      )}
    </>
  );
}

/** What a runtime without a container is started with. Pure. */
function wordsOf({ entrypoint, args, env }: RenderedContainer): string {
  const variables = Object.entries(env).map(([name, value]) => `${name}=${value}`);
  return [...variables, ...(entrypoint ?? []), ...args].join('\n');
}
