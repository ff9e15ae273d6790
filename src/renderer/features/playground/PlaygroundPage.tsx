import { Select, Textarea, TextInput } from '@mantine/core';
import { useEffect, useRef, type KeyboardEvent, type ReactNode } from 'react';
import { Link, useSearchParams } from 'wouter';
import type { Model } from '../../../shared/contract/index.ts';
import { modelListQuery, modelQuery, useModelDetail, useModels } from '../../data/models.ts';
import { servedQuery } from '../../data/node.ts';
import { useSlots } from '../../data/live.ts';
import { useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { copyText } from '../../parts/Copy.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { formatCount } from '../../parts/format.ts';
import type { Rung } from '../../parts/Ladder.tsx';
import { PageHeader } from '../../parts/PageHeader.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { t } from '../../strings/text.ts';
import { SampleButton } from '../add-model/SampleButton.tsx';
import { RungButton } from '../models/RungButton.tsx';
import { modelTitle } from '../models/words.ts';
import { ask, clearChat, historyOf, setDraft, setSettings, stopAnswer, useChat } from './chat-store.ts';
import { curlFor } from './curl.ts';
import { TurnView } from './TurnView.tsx';
import css from './PlaygroundPage.module.css';

/** Talks to one named model through the same door as every application. */
export default function PlaygroundPage(): ReactNode {
  const [search, setSearch] = useSearchParams();
  const list = useQuery(modelListQuery({ task_key: 'llm' }));
  const served = useQuery(servedQuery);
  const models = useModels(list.data?.ids ?? []).filter((model) => model.lifecycle_state !== 'deleted');
  const callable = models.filter((model) => served.data?.includes(model.id) === true);
  const wanted = search.get('model');
  const chosen = wanted ?? callable[0]?.id ?? models[0]?.id ?? null;
  const error = list.error ?? served.error;
  const ready = list.data !== undefined && served.data !== undefined;
  return (
    <>
      <PageHeader title={t('place.playground')}>
        {models.length > 0 && (
          <Select
            className={css.picker ?? ''}
            aria-label={t('play.model')}
            allowDeselect={false}
            searchable
            data={pickerOptions(models, callable)}
            value={chosen}
            onChange={(value) => setSearch(value === null ? {} : { model: value }, { replace: true })}
          />
        )}
        <NewChat />
      </PageHeader>
      {!ready ? (
        error === null ? (
          <Pending />
        ) : (
          <div className={css.refusal}>
            <Refusal error={error} alert={false} />
          </div>
        )
      ) : chosen === null ? (
        <Nothing />
      ) : (
        <Chat modelId={chosen} callable={served.data.includes(chosen)} />
      )}
    </>
  );
}

function pickerOptions(
  models: readonly Model[],
  callable: readonly Model[],
): { group: string; items: { value: string; label: string }[] }[] {
  const can = new Set(callable.map((model) => model.id));
  return [
    {
      group: t('play.callable'),
      items: callable.map((model) => ({ value: model.id, label: modelTitle(model) })),
    },
    {
      group: t('play.others'),
      items: models
        .filter((model) => !can.has(model.id))
        .map((model) => ({
          value: model.id,
          label: t('play.other', { model: modelTitle(model), state: missingWords(model) }),
        })),
    },
  ].filter((group) => group.items.length > 0);
}

/** The axis that stands in the way, by what a list row tells; the page names the exact step. */
function missingWords(model: Model): string {
  if (model.lifecycle_state !== 'active') return t(`lifecycle.${model.lifecycle_state}`);
  return model.loaded_in.length === 0 ? t('model.strip.notLoaded') : t('play.notCallable');
}

function NewChat(): ReactNode {
  const { turns } = useChat();
  return (
    <ReasonButton reason={turns.length === 0 ? t('play.nothingSaid') : null} onClick={clearChat}>
      {t('play.newChat')}
    </ReasonButton>
  );
}

function Nothing(): ReactNode {
  const mayAdd = useMay('superadmin');
  return <EmptyState actions={mayAdd && <SampleButton filled />}>{t('play.nothing')}</EmptyState>;
}

function Chat({ modelId, callable }: { readonly modelId: string; readonly callable: boolean }): ReactNode {
  const { turns, draft, settings } = useChat();
  const streaming = turns.some((turn) => turn.state === 'streaming');
  const end = useRef<HTMLDivElement | null>(null);
  const scroller = useRef<HTMLDivElement | null>(null);
  const stick = useRef(true);
  const last = turns.at(-1);
  const spoken = useRef<HTMLDivElement | null>(null);

  // Follows the answer unless somebody scrolled up to read.
  useEffect(() => {
    if (stick.current) end.current?.scrollIntoView({ block: 'end' });
  });

  const reason =
    (callable ? null : t('play.cannotCall')) ??
    (streaming ? t('play.answering') : null) ??
    (draft.trim() === '' ? t('play.writeFirst') : null);
  const send = (): void => {
    if (reason !== null) return;
    stick.current = true;
    void ask(modelId, draft);
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (!(event.ctrlKey || event.metaKey)) return;
    if (event.key === 'Enter') {
      event.preventDefault();
      send();
    } else if (event.key === '.' && streaming) {
      event.preventDefault();
      stopAnswer();
    }
  };

  return (
    // oxlint-disable-next-line jsx-a11y/no-static-element-interactions -- the chords work wherever the focus is on this page
    <div className={css.page} onKeyDown={onKeyDown}>
      <div className={css.chat}>
        {!callable && <NotCallable modelId={modelId} />}
        {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- a region that scrolls has to be reached by keys */}
        <div
          ref={scroller}
          className={css.turns}
          role="log"
          aria-live="off"
          aria-label={t('play.conversation')}
          // oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- as above
          tabIndex={0}
          onScroll={(event) => {
            const { scrollTop, scrollHeight, clientHeight } = event.currentTarget;
            stick.current = scrollHeight - scrollTop - clientHeight < 24;
          }}
        >
          {turns.length === 0 && callable && <p className={css.hint}>{t('play.start')}</p>}
          {turns.map((turn) => (
            <TurnView key={turn.id} turn={turn} />
          ))}
          <div ref={end} />
        </div>
        <div ref={spoken} role="status" className="visually-hidden">
          {last?.state === 'done' ? last.answer : ''}
        </div>
        <div className={css.composer}>
          <Textarea
            aria-label={t('play.prompt')}
            placeholder={t('play.prompt')}
            autosize
            minRows={2}
            maxRows={10}
            value={draft}
            onChange={(event) => setDraft(event.currentTarget.value)}
          />
          <div className={css.bar}>
            <ContextMeter modelId={modelId} />
            <span className={css.spring} />
            <ReasonButton
              variant="subtle"
              onClick={() =>
                void copyText(
                  curlFor(
                    location.origin,
                    modelId,
                    'chat',
                    draft === '' ? (last?.prompt ?? t('test.defaultPrompt')) : draft,
                    historyOf(draft === '' ? turns.slice(0, -1) : turns, settings.system),
                  ),
                )
              }
            >
              {t('play.copyCurl')}
            </ReasonButton>
            {streaming ? (
              <ReasonButton variant="filled" title="Ctrl ." onClick={stopAnswer}>
                {t('play.stop')}
              </ReasonButton>
            ) : (
              <ReasonButton variant="filled" changes title="Ctrl Enter" reason={reason} onClick={send}>
                {t('play.send')}
              </ReasonButton>
            )}
          </div>
        </div>
      </div>
      <aside className={css.settings} aria-label={t('play.settings')}>
        <Textarea
          label={t('play.system')}
          autosize
          minRows={3}
          maxRows={12}
          value={settings.system}
          onChange={(event) => setSettings({ ...settings, system: event.currentTarget.value })}
        />
        <TextInput
          label={t('play.temperature')}
          placeholder={t('config.unset')}
          inputMode="decimal"
          value={settings.temperature}
          onChange={(event) => setSettings({ ...settings, temperature: event.currentTarget.value })}
        />
        <TextInput
          label={t('play.maxTokens')}
          placeholder={t('config.unset')}
          inputMode="numeric"
          value={settings.maxTokens}
          onChange={(event) => setSettings({ ...settings, maxTokens: event.currentTarget.value })}
        />
        <p className={css.note}>{t('play.notKept')}</p>
      </aside>
    </div>
  );
}

/** The first step that is missing, with its button. */
function NotCallable({ modelId }: { readonly modelId: string }): ReactNode {
  const { data: model, error } = useModelDetail(modelId);
  const mayAct = useMay('admin');
  if (error !== null) return <Refusal error={error} alert={false} />;
  if (model === undefined) return null;
  const rung = model.requirements?.find((one) => !one.met);
  return (
    <ErrorStrip
      flush
      tone="warn"
      sentence={t('play.missing', { model: modelTitle(model), fact: missingFact(model, rung) })}
      hint={<Link href={`/models/${model.id}`}>{t('play.seeLadder')}</Link>}
      actions={mayAct && rung !== undefined && <RungButton model={model} rung={rung} filled />}
    />
  );
}

/** What stands in the way, in a sentence that stands alone. */
function missingFact(model: Model, rung: Rung | undefined): string {
  if (rung?.code === 'validated' && model.validation_error !== null) return model.validation_error.message;
  return rung?.fact ?? t('play.notCallable');
}

/** How much of the context the conversation takes, as the runtime counted it last. */
function ContextMeter({ modelId }: { readonly modelId: string }): ReactNode {
  const { turns } = useChat();
  const slots = useSlots();
  useQuery(modelQuery(modelId));
  const context = slots?.find((slot) => slot.loaded_managed_model_id === modelId)?.context_length ?? null;
  const last = turns.findLast((turn) => turn.facts.promptTokens !== null);
  if (context === null) return null;
  const used = last === undefined ? 0 : (last.facts.promptTokens ?? 0) + (last.facts.completionTokens ?? 0);
  return (
    <span className={css.context}>
      {t('play.context', { used: formatCount(used), context: formatCount(context) })}
    </span>
  );
}
