import { Menu } from '@mantine/core';
import { useEffect, type ReactNode } from 'react';
import { Link } from 'wouter';
import type { Credential } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { credentialQuery, probeCredential } from '../../data/credentials.ts';
import { modelListQuery, moreModels, useModels } from '../../data/models.ts';
import { useMutation } from '../../data/mutate.ts';
import { profileQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { Copy } from '../../parts/Copy.tsx';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { Time } from '../../parts/figures.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { rich, t } from '../../strings/text.ts';
import { ObjectPage } from '../access/ObjectPage.tsx';
import { modelTitle } from '../models/words.ts';
import { CredentialMark } from './CredentialMark.tsx';
import { ProbeAnswer } from './ProbeAnswer.tsx';
import { modelsOf } from './words.ts';
import css from './credentials.module.css';

/** One credential: what its provider said last, and which models use it. */
export default function CredentialPage({
  id,
  part,
}: {
  readonly id: string;
  readonly part?: string | undefined;
}): ReactNode {
  const answer = useQuery(credentialQuery(id));
  const probe = useProbe();
  return (
    <ObjectPage
      id={id}
      path={`/credentials/${id}`}
      part={part}
      parent={{ label: t('place.credentials'), to: '/credentials' }}
      subject={`credential:${id}`}
      answer={answer}
      title={(credential) => credential.display_name}
      headerFacts={(credential) => (
        <>
          <span className="mono">…{credential.api_key_last4}</span>
          <span>{t(`provider.${credential.provider}`)}</span>
          <CredentialMark credential={credential} />
        </>
      )}
      actions={(credential) => <HeaderActions credential={credential} probe={probe} />}
      strip={(credential) =>
        !credential.is_active && (
          <ErrorStrip
            flush
            tone="warn"
            sentence={rich('credentials.revokedStrip', {
              time: <Time key="time" at={credential.revoked_at} />,
            })}
          />
        )
      }
      facts={(credential) => <CredentialFacts credential={credential} />}
    >
      {(credential) => (
        <>
          <Section title={t('credentials.answer')}>
            {probe.error !== null && <Refusal error={probe.error} />}
            {credential.last_probe === null ? (
              probe.error === null && <p className={css.dim}>{t('credentials.notAsked')}</p>
            ) : (
              <ProbeAnswer probe={credential.last_probe} aged />
            )}
          </Section>
          <ModelsSection credential={credential} />
        </>
      )}
    </ObjectPage>
  );
}

function useProbe(): ReturnType<typeof useMutation<[string]>> {
  return useMutation(ask);
}

async function ask(id: string): Promise<void> {
  await probeCredential(id);
}

function HeaderActions({
  credential,
  probe,
}: {
  readonly credential: Credential;
  readonly probe: ReturnType<typeof useProbe>;
}): ReactNode {
  const { data: profile } = useQuery(profileQuery);
  const revoked = credential.is_active ? null : t('credentials.isRevoked');
  const offline = profile?.profile === 'offline' ? t('credentials.offlineAsk') : null;
  const open = (what: 'edit' | 'replace' | 'revoke'): void =>
    openDialog({ kind: 'credential', ask: what, id: credential.id });
  return (
    <>
      <ReasonButton
        changes
        reason={revoked ?? offline}
        busy={probe.busy}
        busyLabel={t('credentials.asking')}
        onClick={() => void probe.run(credential.id)}
      >
        {t('credentials.ask')}
      </ReasonButton>
      <ReasonButton changes reason={revoked} onClick={() => open('replace')}>
        {t('credentials.replace')}
      </ReasonButton>
      {credential.is_active && (
        <Menu width={240}>
          <Menu.Target>
            <ReasonButton>{t('action.more')}</ReasonButton>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item onClick={() => open('edit')}>{t('credentials.edit')}</Menu.Item>
            <Menu.Item onClick={() => open('revoke')}>{t('credentials.revoke')}</Menu.Item>
          </Menu.Dropdown>
        </Menu>
      )}
    </>
  );
}

export function CredentialFacts({ credential }: { readonly credential: Credential }): ReactNode {
  const { allowed_ranges: ranges } = credential;
  return (
    <Facts
      facts={[
        [
          t('fact.id'),
          <Copy key="id" value={credential.id} what={t('what.id')}>
            <span className="mono">{credential.id}</span>
          </Copy>,
        ],
        [t('credentials.col.provider'), t(`provider.${credential.provider}`)],
        [
          t('credentials.col.base'),
          <span key="base" className={css.wrap}>
            {credential.api_base_url}
          </span>,
        ],
        [t('credentials.scope'), t(`credentials.scope.${credential.credential_scope}`)],
        [t('credentials.col.owner'), credential.owner_name],
        [t('credentials.allowed'), ranges.length === 0 ? t('credentials.allowedNone') : ranges.join(', ')],
        [t('credentials.version'), t('credentials.versionNote', { version: credential.version })],
        [t('fact.created'), <Time key="created" at={credential.created_at} />],
        [t('credentials.changed'), <Time key="changed" at={credential.updated_at} />],
      ]}
    />
  );
}

const CLOUD = { hosting: 'cloud' } as const;

/** Models that are called with a credential; undefined until all cloud models were read. */
export function useModelsOf(credentialId: string): ReturnType<typeof modelsOf> | undefined {
  const { data } = useQuery(modelListQuery(CLOUD));
  const models = useModels(data?.ids ?? []);
  const more = data?.next ?? null;
  useEffect(() => {
    if (more !== null) moreModels(CLOUD);
  }, [more]);
  return data === undefined || more !== null ? undefined : modelsOf(credentialId, models);
}

function ModelsSection({ credential }: { readonly credential: Credential }): ReactNode {
  const models = useModelsOf(credential.id);
  return (
    <Section
      title={t('credentials.models')}
      facts={credential.model_count === 0 ? undefined : String(credential.model_count)}
    >
      {models === undefined ? null : models.length === 0 ? (
        <p className={css.dim}>{t('credentials.noModels')}</p>
      ) : (
        <SimpleTable
          label={t('credentials.models')}
          head={[t('credentials.col.state'), t('usage.col.model'), t('models.col.task')]}
          rows={models.map((model) => ({
            id: model.id,
            cells: [
              <StateMark key="state" axis="lifecycle" state={model.lifecycle_state} size={12} />,
              <Link key="name" href={`/models/${model.id}`}>
                {modelTitle(model)}
              </Link>,
              t(`task.${model.task_key}`),
            ],
          }))}
        />
      )}
    </Section>
  );
}
