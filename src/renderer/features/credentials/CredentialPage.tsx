import { Menu } from '@mantine/core';
import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Credential } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { credentialQuery, probeCredential } from '../../data/credentials.ts';
import { usePolled } from '../../data/lists.ts';
import { useMutation } from '../../data/mutate.ts';
import { profileQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { ErrorStrip, Refusal } from '../../parts/ErrorStrip.tsx';
import { Time } from '../../parts/figures.tsx';
import { NotThere } from '../../parts/NotThere.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { rich, t } from '../../strings/text.ts';
import { ObjectPage, type ObjectPath } from '../access/ObjectPage.tsx';
import { modelTitle } from '../models/words.ts';
import { CredentialFacts } from './CredentialFacts.tsx';
import { CredentialMark } from './CredentialMark.tsx';
import { ProbeAnswer } from './ProbeAnswer.tsx';
import { useModelsOf } from './use-models.ts';
import css from './credentials.module.css';

/** One credential: what its provider said last, and which models use it. */
export default function CredentialPage({ id, part }: ObjectPath): ReactNode {
  const query = credentialQuery(id);
  const answer = useQuery(query);
  usePolled(query.key);
  const probe = useProbe();
  const parent = { label: t('place.credentials'), to: '/credentials' };
  const { data: credential } = answer;
  if (credential === undefined) return <NotThere id={id} parent={parent} answer={answer} />;
  return (
    <ObjectPage
      path={`/credentials/${id}`}
      part={part}
      parent={parent}
      subject={`credential:${id}`}
      error={answer.error}
      title={credential.display_name}
      headerFacts={
        <>
          <span className="mono">…{credential.api_key_last4}</span>
          <span>{t(`provider.${credential.provider}`)}</span>
          <CredentialMark credential={credential} />
        </>
      }
      actions={<HeaderActions credential={credential} probe={probe} />}
      strip={
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
      facts={<CredentialFacts of={credential} />}
    >
      <Section title={t('credentials.answer')}>
        {probe.error !== null && <Refusal error={probe.error} />}
        {credential.last_probe === null ? (
          probe.error === null && <p className={css.dim}>{t('credentials.notAsked')}</p>
        ) : (
          <ProbeAnswer probe={credential.last_probe} aged />
        )}
      </Section>
      <ModelsSection credential={credential} />
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
