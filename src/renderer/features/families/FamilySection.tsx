import { Select, Textarea, TextInput } from '@mantine/core';
import { lazy, Suspense, useState, type ReactNode } from 'react';
import { Link } from 'wouter';
import { NAME_PATTERN, type Family, type Model } from '../../../shared/contract/index.ts';
import { openDialog } from '../../app/dialogs.ts';
import { toastError, toastUndo } from '../../app/toasts.ts';
import { asAppError } from '../../data/api.ts';
import { modelListQuery, useModels } from '../../data/models.ts';
import { useMutation } from '../../data/mutate.ts';
import { useQuery } from '../../data/queries.ts';
import { Editable } from '../../parts/Editable.tsx';
import { Refusal } from '../../parts/ErrorStrip.tsx';
import { Bytes, Digest, Time } from '../../parts/figures.tsx';
import { Pending } from '../../parts/Pending.tsx';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { SimpleTable } from '../../parts/SimpleTable.tsx';
import { StateMark } from '../../parts/StateMark.tsx';
import { Who } from '../../parts/Who.tsx';
import { t } from '../../strings/text.ts';
import {
  familyQuery,
  patchFamily,
  pointAlias,
  removeAlias,
  versionsQuery,
  type FamilyVersion,
} from './edits.ts';
import css from './FamilySection.module.css';

const Markdown = lazy(() => import('../../parts/Markdown.tsx'));

/** The name a model bears, with what belongs to the name: its card, its aliases and its other versions. */
export default function FamilySection({
  model,
  mayEdit,
}: {
  readonly model: Model;
  readonly mayEdit: boolean;
}): ReactNode {
  const { data: family, error } = useQuery(familyQuery(model.name));
  if (family === undefined)
    return error === null ? <Pending rows={3} /> : <Refusal error={error} alert={false} />;
  return (
    <>
      {(mayEdit || family.card !== '') && <Card family={family} mayEdit={mayEdit} />}
      <Aliases family={family} model={model} mayEdit={mayEdit} />
      <Versions family={family} model={model} mayEdit={mayEdit} />
    </>
  );
}

function Card({ family, mayEdit }: { readonly family: Family; readonly mayEdit: boolean }): ReactNode {
  return (
    <Editable
      title={t('family.card')}
      facts={t('family.cardOf', { name: family.name })}
      value={family.card}
      rev={family.rev}
      subject={`family:${family.name}`}
      mayEdit={mayEdit}
      words={(card) => card}
      renderView={(card) =>
        card === '' ? (
          <p className={css.none}>{t('edit.none')}</p>
        ) : (
          <Suspense fallback={<Pending rows={3} />}>
            <Markdown text={card} />
          </Suspense>
        )
      }
      renderEditor={(draft, change) => <CardEditor draft={draft} onChange={change} />}
      onSave={async (draft, rev) => {
        const after = await patchFamily(family.name, rev, { card: draft });
        toastUndo(t('family.cardDone', { name: family.name }), () => {
          patchFamily(family.name, after.rev, { card: family.card }).catch(tell);
        });
      }}
    />
  );
}

function tell(thrown: unknown): void {
  toastError(asAppError(thrown));
}

function CardEditor({
  draft,
  onChange,
}: {
  readonly draft: string;
  readonly onChange: (draft: string) => void;
}): ReactNode {
  const [preview, setPreview] = useState(false);
  return (
    <>
      <div>
        <ReasonButton size="xs" aria-pressed={preview} onClick={() => setPreview(!preview)}>
          {t(preview ? 'family.write' : 'family.preview')}
        </ReasonButton>
      </div>
      {preview ? (
        <Suspense fallback={<Pending rows={3} />}>
          <Markdown text={draft} />
        </Suspense>
      ) : (
        <Textarea
          aria-label={t('family.card')}
          description={t('family.cardHelp')}
          autosize
          minRows={6}
          maxRows={24}
          maxLength={200_000}
          value={draft}
          onChange={(event) => onChange(event.currentTarget.value)}
        />
      )}
    </>
  );
}

/** Pointers at versions: added, moved here, taken away. */
function Aliases({
  family,
  model,
  mayEdit,
}: {
  readonly family: Family;
  readonly model: Model;
  readonly mayEdit: boolean;
}): ReactNode {
  const { busy, error, run } = useMutation(async (change: () => Promise<void>) => change());
  const move = (alias: string, to: number, from: number | null): void => {
    void run(async () => {
      await pointAlias(family.name, alias, to);
      toastUndo(t('family.aliasMoved', { alias, version: to }), () => {
        (from === null ? removeAlias(family.name, alias) : pointAlias(family.name, alias, from)).catch(tell);
      });
    });
  };
  const take = (alias: string, from: number): void => {
    void run(async () => {
      await removeAlias(family.name, alias);
      toastUndo(t('family.aliasRemoved', { alias }), () => {
        pointAlias(family.name, alias, from).catch(tell);
      });
    });
  };
  if (!mayEdit && family.aliases.length === 0) return null;
  return (
    <Section title={t('family.aliases')} facts={t('family.aliasesHelp')}>
      {family.aliases.length > 0 && (
        <SimpleTable
          label={t('family.aliases')}
          head={[t('family.alias'), t('family.pointsAt'), t('family.since'), t('family.by'), '']}
          rows={family.aliases.map((alias) => ({
            id: alias.alias,
            cells: [
              <span key="alias" className="mono">
                {alias.alias}
              </span>,
              <span key="version" className={alias.seq === model.seq ? css.here : undefined}>
                {alias.label === null ? `v${alias.seq}` : `v${alias.seq}, ${alias.label}`}
              </span>,
              <Time key="since" at={alias.updated_at} as="ago" />,
              <Who key="who" id={alias.updated_by} />,
              mayEdit && (
                <span key="actions" className={css.actions}>
                  <ReasonButton
                    size="xs"
                    changes
                    reason={alias.seq === model.seq ? t('family.isHere') : null}
                    aria-label={t('family.moveHereOf', { alias: alias.alias, version: model.seq })}
                    onClick={() => move(alias.alias, model.seq, alias.seq)}
                  >
                    {t('family.moveHere', { version: model.seq })}
                  </ReasonButton>
                  <ReasonButton
                    size="xs"
                    variant="subtle"
                    changes
                    aria-label={t('family.removeOf', { alias: alias.alias })}
                    onClick={() => take(alias.alias, alias.seq)}
                  >
                    {t('family.remove')}
                  </ReasonButton>
                </span>
              ),
            ],
          }))}
        />
      )}
      {mayEdit && <NewAlias family={family} model={model} busy={busy} onAdd={move} />}
      {error !== null && <Refusal error={error} />}
    </Section>
  );
}

function NewAlias({
  family,
  model,
  busy,
  onAdd,
}: {
  readonly family: Family;
  readonly model: Model;
  readonly busy: boolean;
  readonly onAdd: (alias: string, to: number, from: number | null) => void;
}): ReactNode {
  const [name, setName] = useState('');
  const { data } = useQuery(versionsQuery(family.name));
  const [version, setVersion] = useState(String(model.seq));
  const wanted = name.trim();
  const taken = family.aliases.find((alias) => alias.alias === wanted);
  const reason =
    wanted === ''
      ? t('family.noAlias')
      : NAME_PATTERN.test(wanted)
        ? taken === undefined
          ? null
          : t('family.aliasTaken', { alias: wanted, version: taken.seq })
        : t('newSlot.badName');
  return (
    <form
      className={css.newAlias}
      onSubmit={(event) => {
        event.preventDefault();
        if (reason !== null || busy) return;
        onAdd(wanted, Number(version), null);
        setName('');
      }}
    >
      <TextInput
        aria-label={t('family.newAlias')}
        placeholder={t('family.newAlias')}
        value={name}
        autoComplete="off"
        spellCheck={false}
        onChange={(event) => setName(event.currentTarget.value)}
      />
      <Select
        aria-label={t('family.pointsAt')}
        w={140}
        data={versionOptions(data?.versions, model)}
        value={version}
        onChange={(value) => setVersion(value ?? String(model.seq))}
        allowDeselect={false}
      />
      <ReasonButton type="submit" changes reason={reason} busy={busy} busyLabel={t('views.saving')}>
        {t('family.addAlias')}
      </ReasonButton>
    </form>
  );
}

function versionOptions(
  versions: readonly FamilyVersion[] | undefined,
  model: Model,
): { value: string; label: string }[] {
  const all = versions ?? [{ seq: model.seq, label: model.label }];
  return all.map(({ seq, label }) => ({
    value: String(seq),
    label: label === null ? `v${seq}` : `v${seq}, ${label}`,
  }));
}

function Versions({
  family,
  model,
  mayEdit,
}: {
  readonly family: Family;
  readonly model: Model;
  readonly mayEdit: boolean;
}): ReactNode {
  const { data, error } = useQuery(versionsQuery(family.name));
  const versions = data?.versions ?? [];
  // The models of the other versions may not have been seen yet.
  useQuery(modelListQuery({ name: family.name }));
  const models = useModels(versions.flatMap((version) => version.model_ids));
  return (
    <Section
      title={t('family.versions')}
      facts={t('family.versionsOf', { count: family.version_count, name: family.name })}
      link={{ label: t('family.list'), to: `/models?name=${family.name}` }}
    >
      {error !== null && <Refusal error={error} alert={false} />}
      {data === undefined && error === null && <Pending rows={2} />}
      {versions.length > 0 && (
        <SimpleTable
          label={t('family.versions')}
          head={[
            t('models.col.version'),
            t('models.col.state'),
            t('artifacts.digest'),
            t('models.col.size'),
            t('family.aliases'),
            t('family.published'),
          ]}
          align={[undefined, undefined, undefined, 'end', undefined, 'end']}
          rows={versions.map((version) => ({
            id: String(version.seq),
            cells: [
              <VersionLink key="version" version={version} current={version.seq === model.seq} />,
              <States key="state" models={models.filter(({ id }) => version.model_ids.includes(id))} />,
              <Digest key="digest" value={version.global_model_id.split(':').at(-1) ?? null} />,
              <Bytes key="size" value={version.size_bytes === 0 ? null : version.size_bytes} />,
              version.aliases.length === 0 ? '—' : version.aliases.join(', '),
              <Time key="published" at={version.published_at} as="ago" />,
            ],
          }))}
        />
      )}
      {mayEdit && (
        <div className={css.foot}>
          <ReasonButton
            size="xs"
            changes
            onClick={() => openDialog({ kind: 'delete-family', name: family.name })}
          >
            {t('family.delete', { name: family.name })}
          </ReasonButton>
        </div>
      )}
    </Section>
  );
}

function VersionLink({
  version,
  current,
}: {
  readonly version: FamilyVersion;
  readonly current: boolean;
}): ReactNode {
  const words = version.label === null ? `v${version.seq}` : `v${version.seq}, ${version.label}`;
  const [first] = version.model_ids;
  if (current) return <span className={css.here}>{t('family.thisOne', { version: words })}</span>;
  return first === undefined ? words : <Link href={`/models/${first}`}>{words}</Link>;
}

function States({ models }: { readonly models: readonly Model[] }): ReactNode {
  if (models.length === 0) return '—';
  return models.map((model) => (
    <StateMark key={model.id} axis="lifecycle" state={model.lifecycle_state} size={12} />
  ));
}
