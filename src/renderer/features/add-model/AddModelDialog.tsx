import { Checkbox, Modal, SegmentedControl, TextInput } from '@mantine/core';
import { useCallback, useEffect, useState, type ReactNode } from 'react';
import { navigate } from 'wouter/use-browser-location';
import {
  ENDPOINTS,
  IMPORT_MODEL,
  NAME_PATTERN,
  type AppError,
  type EndpointOutput,
  type Job,
  type Model,
} from '../../../shared/contract/index.ts';
import { asAppError, call } from '../../data/api.ts';
import { desktop } from '../../data/desktop.ts';
import { jobDone, modelOf } from '../../data/jobs.ts';
import { useJob } from '../../data/live.ts';
import { modelQuery } from '../../data/models.ts';
import { queries } from '../../data/queries.ts';
import { useMay } from '../../data/session.ts';
import confirmCss from '../../parts/Confirm.module.css';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { formatBytes, formatCount, formatParameters, UNKNOWN } from '../../parts/format.ts';
import { JobProgress } from '../../parts/JobProgress.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { serveModel } from '../models/actions.ts';
import { modelTitle } from '../models/words.ts';
import { FromProvider } from './FromProvider.tsx';
import { SampleButton } from './SampleButton.tsx';
import css from './AddModelDialog.module.css';

type Found = EndpointOutput<typeof ENDPOINTS.inspectPath>;
interface Choice {
  readonly path: string;
  readonly label: string;
  readonly size_bytes: number;
}

const KINDS = ['file', 'provider', 'sample'] as const;
type Kind = (typeof KINDS)[number];

/** From a path, a provider or nothing at all to a model. Files and the sample are for superadmins. */
export function AddModelDialog({ onClose }: { readonly onClose: () => void }): ReactNode {
  const superadmin = useMay('superadmin');
  const [kind, setKind] = useState<Kind>(superadmin ? 'file' : 'provider');
  return (
    <Modal
      opened
      onClose={onClose}
      size={600}
      title={t('add.heading')}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      {superadmin && (
        <SegmentedControl
          className={css.kinds ?? ''}
          aria-label={t('addKind.label')}
          value={kind}
          onChange={(value) => setKind(value)}
          data={KINDS.map((value) => ({ value, label: t(`addKind.${value}`) }))}
        />
      )}
      {kind === 'file' && <FromPath onClose={onClose} />}
      {kind === 'provider' && <FromProvider onClose={onClose} />}
      {kind === 'sample' && (
        <div className={css.sample}>
          <p>{t('add.sampleNote')}</p>
          <SampleButton filled onStarted={onClose} />
        </div>
      )}
    </Modal>
  );
}

/** Look at a path, name what is there, bring it in, watch it come. */
function FromPath({ onClose }: { readonly onClose: () => void }): ReactNode {
  const [found, setFound] = useState<Found | null>(null);
  const [job, setJob] = useState<Job | null>(null);
  if (job !== null)
    return (
      <Coming
        job={job}
        onAnother={() => {
          setJob(null);
          setFound(null);
        }}
        onClose={onClose}
      />
    );
  return (
    <>
      <PathForm found={found} onFound={setFound} />
      {found !== null && <ImportForm key={found.path} found={found} onStarted={setJob} />}
    </>
  );
}

function PathForm({
  found,
  onFound,
}: {
  readonly found: Found | null;
  readonly onFound: (found: Found | null) => void;
}): ReactNode {
  const [path, setPath] = useState('');
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);

  const look = useCallback(
    async (wanted: string): Promise<void> => {
      setBusy(true);
      setError(null);
      onFound(null);
      try {
        onFound(await call(ENDPOINTS.inspectPath, { body: { path: wanted.trim() } }));
      } catch (thrown) {
        setError(asAppError(thrown));
      } finally {
        setBusy(false);
      }
    },
    [onFound],
  );

  const pick = async (kind: 'file' | 'directory'): Promise<void> => {
    const picked = await desktop?.pickModelPath(kind);
    if (picked == null) return;
    setPath(picked);
    await look(picked);
  };
  const choices = error?.code === 'ambiguous_source' ? choicesOf(error) : [];
  return (
    <form
      className={css.path}
      onSubmit={(event) => {
        event.preventDefault();
        if (path.trim() !== '') void look(path);
      }}
    >
      <div className={css.pathRow}>
        <TextInput
          className={css.field}
          data-autofocus
          label={t('add.path')}
          description={t('add.pathHelp')}
          placeholder={t('add.pathPlaceholder')}
          autoComplete="off"
          spellCheck={false}
          value={path}
          onChange={(event) => {
            setPath(event.currentTarget.value);
            setError(null);
            onFound(null);
          }}
        />
        {desktop !== null && (
          <>
            <ReasonButton onClick={() => void pick('file')}>{t('add.pickFile')}</ReasonButton>
            <ReasonButton onClick={() => void pick('directory')}>{t('add.pickDirectory')}</ReasonButton>
          </>
        )}
        <ReasonButton
          type="submit"
          variant={found === null ? 'filled' : 'default'}
          changes
          reason={path.trim() === '' ? t('add.noPath') : null}
          busy={busy}
          busyLabel={t('add.looking')}
        >
          {t('add.look')}
        </ReasonButton>
      </div>
      {error !== null && <Refusal error={error} />}
      {choices.length > 0 && (
        <div>
          <p>{t('add.choices')}</p>
          <ul>
            {choices.map((choice) => (
              <li key={choice.path} className={css.choice}>
                <span className="mono">{choice.label}</span>
                <span className={css.size}>{formatBytes(choice.size_bytes)}</span>
                <ReasonButton
                  size="xs"
                  changes
                  aria-label={`${t('add.look')}: ${choice.label}`}
                  onClick={() => {
                    setPath(choice.path);
                    void look(choice.path);
                  }}
                >
                  {t('add.look')}
                </ReasonButton>
              </li>
            ))}
          </ul>
        </div>
      )}
    </form>
  );
}

function choicesOf(error: AppError): readonly Choice[] {
  const choices = error.details?.['choices'];
  return Array.isArray(choices) ? (choices as Choice[]) : [];
}

function ImportForm({
  found,
  onStarted,
}: {
  readonly found: Found;
  readonly onStarted: (job: Job) => void;
}): ReactNode {
  const [name, setName] = useState(found.name);
  const [register, setRegister] = useState(true);
  const [link, setLink] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<AppError | null>(null);
  const badName = NAME_PATTERN.test(name) ? null : t('newSlot.badName');
  const start = async (): Promise<void> => {
    setBusy(true);
    setError(null);
    try {
      const { job } = await call(IMPORT_MODEL, {
        body: { backend: 'local', path: found.path, name, register, link },
      });
      onStarted(job);
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setBusy(false);
    }
  };
  return (
    <form
      className={css.found}
      onSubmit={(event) => {
        event.preventDefault();
        if (badName === null) void start();
      }}
    >
      <h2>{t('add.found')}</h2>
      <Facts
        facts={[
          [
            t('fact.format'),
            [found.format === 'gguf' ? 'GGUF' : found.format, found.quantization]
              .filter((one) => one !== null)
              .join(', '),
          ],
          [t('fact.task'), t(`task.${found.task_key}`)],
          [t('fact.architecture'), found.architecture ?? UNKNOWN],
          [t('fact.parameters'), formatParameters(found.parameter_count)],
          [
            t('fact.context'),
            found.context_length === null
              ? UNKNOWN
              : t('fact.contextTrained', { tokens: formatCount(found.context_length) }),
          ],
          [
            t('fact.size'),
            `${formatBytes(found.size_bytes)}, ${t('add.files', { count: found.file_count })}, ${t('add.leaves', { free: formatBytes(Math.max(0, found.free_bytes - (link ? 0 : found.size_bytes))) })}`,
          ],
        ]}
      />
      <TextInput
        label={t('add.name')}
        description={t('add.nameHelp')}
        value={name}
        error={badName}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Checkbox
        label={t('add.register')}
        checked={register}
        onChange={(event) => setRegister(event.currentTarget.checked)}
      />
      <Checkbox
        label={t('add.link')}
        checked={link}
        onChange={(event) => setLink(event.currentTarget.checked)}
      />
      {error !== null && <Refusal error={error} />}
      <div className={confirmCss.buttons}>
        <ReasonButton
          type="submit"
          variant="filled"
          changes
          reason={badName}
          busy={busy}
          busyLabel={t('add.importing')}
        >
          {t('add.import', { size: formatBytes(found.size_bytes) })}
        </ReasonButton>
      </div>
    </form>
  );
}

/** The import as it goes, then the model that came of it. */
function Coming({
  job: started,
  onAnother,
  onClose,
}: {
  readonly job: Job;
  readonly onAnother: () => void;
  readonly onClose: () => void;
}): ReactNode {
  const job = useJob(started.id) ?? started;
  const [model, setModel] = useState<Model | null>(null);
  const [error, setError] = useState<AppError | null>(null);
  const [serving, setServing] = useState(false);
  useEffect(() => {
    let here = true;
    const wait = async (): Promise<void> => {
      try {
        const found = await queries.fetch(modelQuery(modelOf(await jobDone(started))));
        if (here) setModel(found);
      } catch (thrown) {
        if (here) setError(asAppError(thrown));
      }
    };
    void wait();
    return () => {
      here = false;
    };
  }, [started]);

  const open = (id: string): void => {
    onClose();
    navigate(`/models/${id}`);
  };
  const serve = async (id: string): Promise<void> => {
    setServing(true);
    try {
      await serveModel(id);
      open(id);
    } catch (thrown) {
      setError(asAppError(thrown));
    } finally {
      setServing(false);
    }
  };

  if (model === null)
    return (
      <div className={css.coming}>
        {error === null ? (
          <>
            <JobProgress job={job} />
            <p className={css.note}>{t('add.runs')}</p>
          </>
        ) : (
          <Refusal error={error} />
        )}
        <div className={confirmCss.buttons}>
          {error !== null && <ReasonButton onClick={onAnother}>{t('action.retry')}</ReasonButton>}
          <ReasonButton onClick={onClose}>{t('action.close')}</ReasonButton>
        </div>
      </div>
    );
  const title = modelTitle(model);
  return (
    <div className={css.coming}>
      <p role="status">
        <StateMark axis="check" state="ok" plain>
          {doneWords(title, model, job)}
        </StateMark>
      </p>
      {error !== null && <Refusal error={error} />}
      <div className={confirmCss.buttons}>
        <ReasonButton onClick={onAnother}>{t('add.another')}</ReasonButton>
        <ReasonButton onClick={() => open(model.id)}>{t('add.open', { model: title })}</ReasonButton>
        <ReasonButton
          variant="filled"
          changes
          autoFocusInDialog
          busy={serving}
          busyLabel={t('unreachable.starting')}
          onClick={() => void serve(model.id)}
        >
          {t('add.serve')}
        </ReasonButton>
      </div>
    </div>
  );
}

function doneWords(title: string, model: Model, job: Job): string {
  if (job.result?.['already_present'] === true) return t('add.present', { model: title });
  return t(model.lifecycle_state === 'created' ? 'add.done' : 'add.doneRegistered', { model: title });
}
