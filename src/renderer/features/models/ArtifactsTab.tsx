import { useState, type ReactNode } from 'react';
import { endpointUrl, ENDPOINTS, type Model } from '../../../shared/contract/index.ts';
import type { AppError } from '../../../shared/contract/errors.ts';
import { asAppError } from '../../data/api.ts';
import { desktop } from '../../data/desktop.ts';
import { saveFromAgent } from '../../data/save-file.ts';
import { Copy } from '../../parts/Copy.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Bytes, Digest, Time } from '../../parts/figures.tsx';
import { formatBytes, truncateMiddle } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import { isAboutFiles, useChecks } from './checks.ts';
import { CheckTable } from './CheckTable.tsx';
import { useRights } from './rights.ts';
import { providerWords } from './words.ts';
import css from './ArtifactsTab.module.css';

type Artifact = NonNullable<Model['artifact']>;
type File = NonNullable<Artifact['files']>[number];

/** The files of a model, as they were stored, and what is to be known before they are used. */
export default function ArtifactsTab({ model }: { readonly model: Model }): ReactNode {
  const { artifact } = model;
  if (artifact === null)
    return (
      <EmptyState>
        {model.hosting === 'cloud'
          ? t('artifacts.atProvider', { provider: providerWords(model.provider) })
          : t('artifacts.none')}
      </EmptyState>
    );
  return (
    <div className={css.tab}>
      <Files model={model} artifact={artifact} />
      <Hazards model={model} />
    </div>
  );
}

function Files({ model, artifact }: { readonly model: Model; readonly artifact: Artifact }): ReactNode {
  const { superadmin } = useRights(model);
  const [error, setError] = useState<AppError | null>(null);
  const [saving, setSaving] = useState<string | null>(null);
  const files = artifact.files ?? [];
  const save = async (file: File): Promise<void> => {
    setSaving(file.path);
    setError(null);
    try {
      await saveFromAgent(fileUrl(model.id, file.path), baseName(file.path), file.size_bytes);
    } catch (thrown) {
      // Whoever closes the dialog of the browser changed his mind; that is no failure.
      if (!(thrown instanceof DOMException && thrown.name === 'AbortError')) setError(asAppError(thrown));
    } finally {
      setSaving(null);
    }
  };
  return (
    <Section
      title={t('model.tab.artifacts')}
      facts={t('artifacts.total', { count: files.length, size: formatBytes(artifact.size_bytes) })}
    >
      <div className={css.state}>
        <StateMark axis="artifact" state={artifact.artifact_status} />
        {artifact.verified_at !== null && (
          <span className={css.dim}>
            {t('artifacts.verified')} <Time at={artifact.verified_at} as="ago" />
          </span>
        )}
        {artifact.storage_path !== null && (
          <Copy value={artifact.storage_path} what={t('what.path')}>
            <span className={`mono ${css.path ?? ''}`} title={artifact.storage_path}>
              {truncateMiddle(artifact.storage_path, 72)}
            </span>
          </Copy>
        )}
        {desktop !== null && artifact.storage_path !== null && (
          <ReasonButton size="xs" onClick={() => void desktop?.revealPath(artifact.storage_path ?? '')}>
            {t('artifacts.reveal')}
          </ReasonButton>
        )}
      </div>
      {error !== null && <Refusal error={error} />}
      <SimpleTable
        label={t('model.tab.artifacts')}
        head={[t('artifacts.file'), t('artifacts.size'), t('artifacts.digest'), ...(superadmin ? [''] : [])]}
        align={[undefined, 'end', undefined, 'end']}
        rows={files.map((file) => ({
          id: file.path,
          cells: [
            <span key="path" className="mono">
              {file.path}
            </span>,
            <Bytes key="size" value={file.size_bytes} />,
            <Copy key="digest" value={`sha256:${file.sha256}`} what={t('what.digest')}>
              <Digest value={file.sha256} />
            </Copy>,
            ...(superadmin
              ? [
                  <ReasonButton
                    key="save"
                    size="xs"
                    aria-label={t('artifacts.saveOf', { file: file.path })}
                    reason={artifact.artifact_status === 'ready' ? null : t('artifacts.notReady')}
                    busy={saving === file.path}
                    busyLabel={t('artifacts.saving')}
                    onClick={() => void save(file)}
                  >
                    {t('artifacts.save')}
                  </ReasonButton>,
                ]
              : []),
          ],
        }))}
      />
      {superadmin && files.length > 0 && (
        <p className={css.note}>
          {t('artifacts.export')}{' '}
          <Copy value={`modelops models export ${model.id} DIR`} what={t('what.command')}>
            <code>modelops models export {model.id} DIR</code>
          </Copy>
        </p>
      )}
    </Section>
  );
}

/** Each part of a path by itself, so that its slashes stay. */
function fileUrl(id: string, path: string): string {
  const base = endpointUrl(ENDPOINTS.getModelFile, { params: { id } }).replace(/\*$/, '');
  return base + path.split('/').map(encodeURIComponent).join('/');
}

function baseName(path: string): string {
  return path.split('/').at(-1) ?? path;
}

/** What the validators found in the files: damage, formats that run code, code in the repository, the licence. */
function Hazards({ model }: { readonly model: Model }): ReactNode {
  const { act } = useRights(model);
  const { checks, at, busy, error, ask } = useChecks(model);
  const found = (checks ?? []).filter(isAboutFiles);
  return (
    <Section
      title={t('artifacts.hazards')}
      facts={
        at !== undefined && (
          <>
            {t('checks.asked')} <Time at={at} as="ago" />
          </>
        )
      }
    >
      {error !== null && <Refusal error={error} />}
      {found.length > 0 && <CheckTable label={t('artifacts.hazards')} checks={found} />}
      {checks !== undefined && found.length === 0 && <p className={css.note}>{t('artifacts.noHazards')}</p>}
      {act && (
        <div className={css.gap}>
          <ReasonButton changes busy={busy} busyLabel={t('checks.asking')} onClick={() => void ask()}>
            {t('checks.ask')}
          </ReasonButton>
        </div>
      )}
      {!act && checks === undefined && <p className={css.note}>{t('checks.never')}</p>}
    </Section>
  );
}
