import { Select, Textarea, TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { ENDPOINTS, type EndpointInput, type Model, type TestRun } from '../../../shared/contract/index.ts';
import type { AppError } from '../../../shared/contract/errors.ts';
import { openDialog } from '../../app/dialogs.ts';
import { asAppError, call } from '../../data/api.ts';
import { putModelDetail } from '../../data/models.ts';
import { testRuntimesQuery, type TestRuntimes } from '../../data/node.ts';
import { queries, useQuery } from '../../data/queries.ts';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { formatDuration } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { refusalOf, validateModel } from './actions.ts';
import { TestOutput } from './TestOutput.tsx';
import { providerWords } from './words.ts';
import css from './TestTab.module.css';

type Runtime = TestRuntimes['runtimes'][number];
type Inputs = EndpointInput<typeof ENDPOINTS.testModel>['body']['inputs'];

interface Draft {
  readonly text: string;
  /** Of a ranking, one a line. */
  readonly documents: string;
}

/** The form of a test: where, what is asked, what came. */
export function TestForm({ model }: { readonly model: Model }): ReactNode {
  const isCloud = model.hosting === 'cloud';
  const { data: slots, error: slotsError } = useQuery(isCloud ? null : testRuntimesQuery(model.id));
  const [chosen, setChosen] = useState<string | null>(null);
  const [draft, setDraft] = useState<Draft>({
    text: t(model.task_key === 'rerank' ? 'test.defaultQuery' : 'test.defaultPrompt'),
    documents: t('test.defaultDocuments'),
  });
  const [busy, setBusy] = useState(false);
  const [run, setRun] = useState<TestRun | null>(null);
  const [error, setError] = useState<AppError | null>(null);
  if (slotsError !== null) return <Refusal error={slotsError} />;
  if (!isCloud && slots === undefined) return <Pending rows={3} />;
  const slotId = chosen ?? slots?.default_slot_id ?? null;
  const slot = slots?.runtimes.find((one) => one.slot_id === slotId);
  const reason =
    refusalOf(model, 'test') ??
    (slots === undefined ? null : slotProblem(slots.runtimes, slot)) ??
    inputProblem(model, draft);

  const start = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    setRun(null);
    try {
      const answer = await call(ENDPOINTS.testModel, {
        params: { id: model.id },
        body: { inputs: inputsOf(model, draft), ...(slotId === null || isCloud ? {} : { slot_id: slotId }) },
      });
      setRun(answer.test_run);
      putModelDetail(answer.model);
      queries.invalidate(new Set([`model:${model.id}:history`]));
    } catch (thrown) {
      setError(asAppError(thrown));
      // A failed test is recorded as well.
      queries.invalidate(new Set([`model:${model.id}`, `model:${model.id}:history`]));
    } finally {
      setBusy(false);
    }
  };

  return (
    <Section title={t('model.tab.test')}>
      <div className={css.form}>
        {slots === undefined ? (
          <AtProvider model={model} />
        ) : (
          <SlotPicker model={model} slots={slots.runtimes} slot={slot} slotId={slotId} onChange={setChosen} />
        )}
        <InputFields
          model={model}
          draft={draft}
          onChange={setDraft}
          onSubmit={() => reason === null && void start()}
        />
        <div>
          <ReasonButton
            variant={run === null ? 'filled' : 'default'}
            changes
            reason={reason}
            busy={busy}
            busyLabel={t('test.running')}
            onClick={() => void start()}
          >
            {t('test.run')}
          </ReasonButton>
        </div>
      </div>
      {error !== null && (
        <div className={css.gap}>
          <Refusal error={error} />
        </div>
      )}
      {run !== null && <Outcome key={run.id} model={model} run={run} />}
    </Section>
  );
}

function AtProvider({ model }: { readonly model: Model }): ReactNode {
  return (
    <p className={css.note}>
      {t('test.atProvider', {
        provider: providerWords(model.provider),
        model: model.provider_model_id ?? model.name,
      })}
    </p>
  );
}

/** Why no test can run where it was asked for. Pure. */
function slotProblem(slots: readonly Runtime[], slot: Runtime | undefined): string | null {
  if (slot === undefined) return t(slots.length === 0 ? 'test.noSlots' : 'test.slotAny');
  return slot.matches_model ? null : t('test.notServed', { message: slot.message });
}

/** Why what is asked cannot be asked. Pure. */
function inputProblem({ task_key: task }: Model, { text, documents }: Draft): string | null {
  if (task !== 'llm' && task !== 'embeddings' && task !== 'rerank')
    return t('test.noTask', { task: t(`task.${task}`) });
  if (text.trim() === '') return t('test.noPrompt');
  return task === 'rerank' && linesOf(documents).length < 2 ? t('test.noDocuments') : null;
}

function linesOf(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

function inputsOf({ task_key: task }: Model, { text, documents }: Draft): Inputs {
  if (task === 'rerank') return { query: text, documents: linesOf(documents) };
  return task === 'llm' ? { prompt: text } : { text };
}

/** Every slot: those that serve the model, then the others, each with what it says. */
function SlotPicker({
  model,
  slots,
  slot,
  slotId,
  onChange,
}: {
  readonly model: Model;
  readonly slots: readonly Runtime[];
  readonly slot: Runtime | undefined;
  readonly slotId: string | null;
  readonly onChange: (id: string | null) => void;
}): ReactNode {
  const option = (one: Runtime): { value: string; label: string } => ({
    value: one.slot_id,
    label: `${one.slot_id}, ${one.runtime_spec}`,
  });
  const serving = slots.filter((one) => one.matches_model);
  const others = slots.filter((one) => !one.matches_model);
  const messages = new Map(slots.map((one) => [one.slot_id, one.message]));
  return (
    <>
      <div className={css.slotRow}>
        <Select
          label={t('test.slot')}
          placeholder={t('test.slotAny')}
          data={[
            ...(serving.length === 0 ? [] : [{ group: t('test.serving'), items: serving.map(option) }]),
            ...(others.length === 0 ? [] : [{ group: t('test.others'), items: others.map(option) }]),
          ]}
          renderOption={({ option: { value, label } }) => (
            <span>
              {label}
              <span className={css.optionNote}>{messages.get(value)}</span>
            </span>
          )}
          value={slotId}
          onChange={onChange}
          disabled={slots.length === 0}
          allowDeselect={false}
        />
        {slot?.matches_model !== true && (
          <ReasonButton
            changes
            reason={refusalOf(model, 'load')}
            onClick={() =>
              openDialog({ kind: 'load', modelId: model.id, ...(slotId === null ? {} : { slotId }) })
            }
          >
            {t('test.loadThere')}
          </ReasonButton>
        )}
      </div>
      {slot !== undefined && <p className={css.note}>{slot.message}</p>}
    </>
  );
}

function InputFields({
  model,
  draft,
  onChange,
  onSubmit,
}: {
  readonly model: Model;
  readonly draft: Draft;
  readonly onChange: (draft: Draft) => void;
  readonly onSubmit: () => void;
}): ReactNode {
  const onKeyDown = (event: React.KeyboardEvent): void => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) onSubmit();
  };
  if (model.task_key === 'rerank')
    return (
      <>
        <TextInput
          label={t('test.query')}
          value={draft.text}
          onChange={(event) => onChange({ ...draft, text: event.currentTarget.value })}
          onKeyDown={onKeyDown}
        />
        <Textarea
          label={t('test.documents')}
          description={t('test.documentsHelp')}
          autosize
          minRows={3}
          maxRows={12}
          value={draft.documents}
          onChange={(event) => onChange({ ...draft, documents: event.currentTarget.value })}
          onKeyDown={onKeyDown}
        />
      </>
    );
  return (
    <Textarea
      label={model.task_key === 'llm' ? t('test.prompt') : t('test.text')}
      autosize
      minRows={2}
      maxRows={10}
      value={draft.text}
      onChange={(event) => onChange({ ...draft, text: event.currentTarget.value })}
      onKeyDown={onKeyDown}
    />
  );
}

function Outcome({ model, run }: { readonly model: Model; readonly run: TestRun }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const usage = run.output_payload['usage'] as
    | { prompt_tokens?: number; completion_tokens?: number }
    | null
    | undefined;
  const take = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      await validateModel(model.id, run.id);
      setDone(true);
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <div className={css.outcome} role="status">
      <div className={css.outcomeHead}>
        <StateMark axis="validation" state={run.result === 'success' ? 'current' : 'failed'}>
          {t(`test.result.${run.result}`)}
        </StateMark>
        <span>{formatDuration(run.latency_ms)}</span>
        {usage?.prompt_tokens !== undefined && usage.completion_tokens !== undefined && (
          <span>{t('test.tokens', { in: usage.prompt_tokens, out: usage.completion_tokens })}</span>
        )}
        {done ? (
          <span>{t('test.validated')}</span>
        ) : (
          <ReasonButton
            variant="filled"
            changes
            busy={busy}
            busyLabel={t('modelBusy.validate')}
            reason={run.result === 'success' ? refusalOf(model, 'validate') : t('test.result.failure')}
            onClick={() => void take()}
          >
            {t('test.useAsValidation')}
          </ReasonButton>
        )}
      </div>
      <TestOutput run={run} />
      {error !== null && <Refusal error={error} />}
    </div>
  );
}
