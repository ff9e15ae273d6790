import type { ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { desktop } from '../../data/desktop.ts';
import { Copy } from '../../parts/Copy.tsx';
import { EmptyState } from '../../parts/EmptyState.tsx';
import { Bytes, Digest } from '../../parts/figures.tsx';
import { formatBytes, truncateMiddle } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { Section } from '../../parts/Section.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { t } from '../../strings/text.ts';
import css from './ArtifactsTab.module.css';

/** The files of a model, as they were stored. */
export default function ArtifactsTab({ model }: { readonly model: Model }): ReactNode {
  const { artifact } = model;
  if (artifact === null) return <EmptyState>{t('artifacts.none')}</EmptyState>;
  const files = artifact.files ?? [];
  return (
    <Section
      title={t('model.tab.artifacts')}
      facts={t('artifacts.total', { count: files.length, size: formatBytes(artifact.size_bytes) })}
    >
      <div className={css.state}>
        <StateMark axis="artifact" state={artifact.artifact_status} />
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
      <SimpleTable
        label={t('model.tab.artifacts')}
        head={[t('artifacts.file'), t('artifacts.size'), t('artifacts.digest')]}
        align={[undefined, 'end']}
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
          ],
        }))}
      />
    </Section>
  );
}
