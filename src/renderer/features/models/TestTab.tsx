import { Select, Textarea } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { ENDPOINTS, type Model, type TestRun } from '../../../shared/contract/index.ts';
import type { AppError } from '../../../shared/contract/errors.ts';
import { openDialog } from '../../app/dialogs.ts';
import { asAppError, call } from '../../data/api.ts';
import { putModelDetail } from '../../data/models.ts';
import { testRuntimesQuery, testsQuery, type TestRuntimes } from '../../data/node.ts';
import { queries, useQuery } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { formatDuration } from '../../parts/format.ts';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { refusalOf, validateModel } from './actions.ts';
import css from './TestTab.module.css';

/** Runs one input on one slot and keeps what came out. */
export default function TestTab({ model }: { readonly model: Model }): ReactNode {
  const mayTest = useMay('admin');
  return (
    <div className={css.tab}>
      {mayTest && <TestForm model={model} />}
      <Earlier model={model} />
    </div>
  );
}

type Slots = TestRuntimes['runtimes'];

function TestForm({ model }: { readonly model: Model }): ReactNode {
  const { data: slots, error: slotsError } = useQuery(testRuntimesQuery(model.id));
  const [chosen, setChosen] = useState<string | null>(null);
  const [input, setInput] = useState(t('test.defaultPrompt'));
  const [busy, setBusy] = useState(false);
  const [run, setRun] = useState<TestRun | null>(null);
  const [error, setError] = useState<AppError | null>(null);
  if (slotsError !== null) return <Refusal error={slotsError} />;
  if (slots === undefined) return <Pending rows={3} />;
  const slotId = chosen ?? slots.default_slot_id;
  const slot = slots.runtimes.find((one) => one.slot_id === slotId);
  const reason =
    refusalOf(model, 'test') ??
    (slot === undefined ? t(slots.runtimes.length === 0 ? 'test.noSlots' : 'test.slotAny') : null) ??
    (slot?.matches_model === false ? t('test.notServed', { message: slot.message }) : null) ??
    (input.trim() === '' ? t('test.noPrompt') : null);

  const start = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    setRun(null);
    try {
      const answer = await call(ENDPOINTS.testModel, {
        params: { id: model.id },
        body: {
          inputs: model.task_key === 'llm' ? { prompt: input } : { text: input },
          ...(slotId === null ? {} : { slot_id: slotId }),
        },
      });
      setRun(answer.test_run);
      putModelDetail(answer.model);
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
        <div className={css.slotRow}>
          <Select
            label={t('test.slot')}
            placeholder={t('test.slotAny')}
            data={slotOptions(slots.runtimes)}
            value={slotId}
            onChange={setChosen}
            disabled={slots.runtimes.length === 0}
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
        <Textarea
          label={model.task_key === 'llm' ? t('test.prompt') : t('test.text')}
          autosize
          minRows={2}
          maxRows={10}
          value={input}
          onChange={(event) => setInput(event.currentTarget.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && reason === null) void start();
          }}
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
      {run !== null && <Outcome model={model} run={run} />}
    </Section>
  );
}

function slotOptions(slots: Slots): { value: string; label: string }[] {
  return slots.map((slot) => ({
    value: slot.slot_id,
    label: `${slot.slot_id}, ${slot.runtime_spec}`,
  }));
}

function Outcome({ model, run }: { readonly model: Model; readonly run: TestRun }): ReactNode {
  const [busy, setBusy] = useState(false);
  const [done, setDone] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const text = outputText(run);
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
      <pre className={css.output}>{text}</pre>
      {error !== null && <Refusal error={error} />}
    </div>
  );
}

function outputText(run: TestRun): string {
  const { text } = run.output_payload;
  return typeof text === 'string' ? text : run.summary;
}

function Earlier({ model }: { readonly model: Model }): ReactNode {
  const { data, error } = useQuery(testsQuery(model.id));
  return (
    <Section title={t('test.history')} {...(data === undefined ? {} : { facts: data.length })}>
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending />}
      {data?.length === 0 && <EmptyState>{t('test.empty')}</EmptyState>}
      {data !== undefined && data.length > 0 && (
        <SimpleTable
          label={t('test.history')}
          head={[
            t('validation.result'),
            t('validation.summary'),
            t('test.slot'),
            t('test.latency'),
            t('validation.when'),
          ]}
          align={[undefined, undefined, undefined, 'end', 'end']}
          rows={data.map((run) => ({
            id: run.id,
            cells: [
              <StateMark
                key="result"
                axis="validation"
                state={run.result === 'success' ? 'current' : 'failed'}
                size={12}
              >
                {t(`test.result.${run.result}`)}
              </StateMark>,
              <span key="summary" className={css.summary}>
                {run.summary}
              </span>,
              run.slot_id ?? '—',
              formatDuration(run.latency_ms),
              <Time key="when" at={run.created_at} as="ago" />,
            ],
          }))}
        />
      )}
    </Section>
  );
}
