import { TextInput } from '@mantine/core';
import { useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import type { Slot } from '../../../shared/contract/index.ts';
import { startBenchmark } from '../../data/benchmarks.ts';
import { useSlot } from '../../data/live.ts';
import { useModel } from '../../data/models.ts';
import { formatCount, parseCount } from '../../parts/format.ts';
import { FormDialog } from '../../parts/FormDialog.tsx';
import { t } from '../../strings/text.ts';
import { modelTitle } from '../models/words.ts';
import { parseConcurrency } from './figures.ts';
import css from './benchmarks.module.css';

const MOST_REQUESTS = 1000;

/** A number that may be left out. */
function readCount(text: string): { readonly value: number | undefined; readonly wrong: boolean } {
  if (text.trim() === '') return { value: undefined, wrong: false };
  const value = parseCount(text);
  return value === null || value < 1 ? { value: undefined, wrong: true } : { value, wrong: false };
}

/** How a slot is to be measured. Everything has a usual value. */
export function MeasureDialog({
  slotId,
  onClose,
}: {
  readonly slotId: string;
  readonly onClose: () => void;
}): ReactNode {
  const slot = useSlot(slotId);
  return slot === undefined ? null : <Form slot={slot} onClose={onClose} />;
}

function Form({ slot, onClose }: { readonly slot: Slot; readonly onClose: () => void }): ReactNode {
  const model = useModel(slot.loaded_managed_model_id);
  const [concurrency, setConcurrency] = useState('1, 2, 4, 8');
  const [prompt, setPrompt] = useState('');
  const [output, setOutput] = useState('');
  const [requests, setRequests] = useState('8');
  const [note, setNote] = useState('');
  const atOnce = parseConcurrency(concurrency);
  const counts = { prompt: readCount(prompt), output: readCount(output), requests: readCount(requests) };
  const isText = slot.capability === 'llm_inference';
  const wrongNumber = (count: { readonly wrong: boolean }): string | null =>
    count.wrong ? t('bench.dialog.badNumber') : null;
  const wrongRequests =
    wrongNumber(counts.requests) ??
    ((counts.requests.value ?? 0) > MOST_REQUESTS ? t('bench.dialog.tooMany') : null);
  const reason =
    (slot.load_state === 'loaded' ? null : t('bench.notLoaded')) ??
    (atOnce === null ? t('bench.dialog.badConcurrency') : null) ??
    wrongNumber(counts.prompt) ??
    wrongNumber(counts.output) ??
    wrongRequests;
  const measure = async (): Promise<void> => {
    const { prompt: given, output: answer, requests: many } = counts;
    await startBenchmark(slot.id, {
      ...(atOnce === null ? {} : { concurrency: atOnce }),
      ...(given.value === undefined ? {} : { prompt_tokens: given.value }),
      ...(isText && answer.value !== undefined ? { output_tokens: answer.value } : {}),
      ...(many.value === undefined ? {} : { requests_per_round: many.value }),
      ...(note.trim() === '' ? {} : { note: note.trim() }),
    });
    navigate(`/slots/${slot.id}/benchmarks`);
  };
  return (
    <FormDialog
      title={t('bench.dialog.title', {
        model: model === undefined ? (slot.loaded_managed_model_id ?? '') : modelTitle(model),
        slot: slot.id,
      })}
      verb={t('bench.dialog.verb')}
      busyVerb={t('bench.dialog.busy')}
      reason={reason}
      onSubmit={measure}
      onClose={onClose}
    >
      <p>{t('bench.dialog.what')}</p>
      <TextInput
        label={t('bench.dialog.concurrency')}
        description={
          slot.parallel === null
            ? undefined
            : t('bench.dialog.concurrencyNote', { parallel: formatCount(slot.parallel) })
        }
        data-autofocus
        value={concurrency}
        error={atOnce === null ? t('bench.dialog.badConcurrency') : null}
        onChange={(event) => setConcurrency(event.currentTarget.value)}
      />
      <div className={css.lengths}>
        <TextInput
          label={t('bench.dialog.prompt')}
          placeholder={t('bench.dialog.usual')}
          value={prompt}
          error={wrongNumber(counts.prompt)}
          onChange={(event) => setPrompt(event.currentTarget.value)}
        />
        {isText && (
          <TextInput
            label={t('bench.dialog.output')}
            placeholder={t('bench.dialog.usual')}
            value={output}
            error={wrongNumber(counts.output)}
            onChange={(event) => setOutput(event.currentTarget.value)}
          />
        )}
        <TextInput
          label={t('bench.dialog.requests')}
          value={requests}
          error={wrongRequests}
          onChange={(event) => setRequests(event.currentTarget.value)}
        />
      </div>
      {slot.context_length !== null && isText && (
        <p className={css.note}>
          {t('bench.dialog.lengthNote', { tokens: formatCount(slot.context_length) })}
        </p>
      )}
      <TextInput
        label={t('bench.dialog.note')}
        description={t('bench.dialog.noteHelp')}
        maxLength={500}
        value={note}
        onChange={(event) => setNote(event.currentTarget.value)}
      />
    </FormDialog>
  );
}
