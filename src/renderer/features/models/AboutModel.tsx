import { ActionIcon, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconX } from '@tabler/icons-react';
import { useState, type ReactNode } from 'react';
import type { Model } from '../../../shared/contract/index.ts';
import { toastError, toastUndo } from '../../app/toasts.ts';
import { asAppError } from '../../data/api.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Editable } from '../../parts/Editable.tsx';
import { Facts } from '../../parts/Facts.tsx';
import { formatCount } from '../../parts/format.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { Section } from '../../parts/Section.tsx';
import { t } from '../../strings/text.ts';
import { patchModel, type ModelPatch } from '../families/edits.ts';
import { modelTitle } from './words.ts';
import css from './AboutModel.module.css';

const MOST_TAGS = 50;
const MOST_NAME = 128;

/** What people say about a model: description, tags, annotations; and what it came with. Each changed in its place. */
export function AboutModel({
  model,
  mayEdit,
}: {
  readonly model: Model;
  readonly mayEdit: boolean;
}): ReactNode {
  const common = { rev: model.rev, subject: `model:${model.id}`, mayEdit };
  /** Saves, and offers to take it back, which is a change of its own. */
  const save = async (patch: ModelPatch, back: ModelPatch, rev: number): Promise<void> => {
    const after = await patchModel(model.id, rev, patch);
    toastUndo(t('edit.done', { model: modelTitle(model) }), () => {
      patchModel(model.id, after.rev, back).catch((thrown: unknown) => toastError(asAppError(thrown)));
    });
  };
  return (
    <>
      {(mayEdit || model.description !== '') && (
        <Editable
          {...common}
          title={t('model.about')}
          value={model.description}
          renderView={(text) => <Words text={text} />}
          words={(text) => text}
          renderEditor={(draft, change) => (
            <Textarea
              aria-label={t('model.about')}
              autosize
              minRows={3}
              maxRows={16}
              maxLength={10_000}
              value={draft}
              onChange={(event) => change(event.currentTarget.value)}
            />
          )}
          onSave={(draft, rev) => save({ description: draft }, { description: model.description }, rev)}
        />
      )}
      {(mayEdit || model.tags.length > 0) && (
        <Editable
          {...common}
          title={t('fact.tags')}
          value={model.tags}
          renderView={(tags) => <TagList tags={tags} />}
          words={(tags) => tags.join(', ')}
          renderEditor={(draft, change) => (
            <TagsInput
              aria-label={t('fact.tags')}
              description={t('edit.tagsHelp')}
              value={[...draft]}
              onChange={change}
              splitChars={[',']}
              maxTags={MOST_TAGS}
            />
          )}
          onSave={(draft, rev) => save({ tags: [...draft] }, { tags: model.tags }, rev)}
        />
      )}
      {(mayEdit || Object.keys(model.annotations).length > 0) && (
        <Editable
          {...common}
          title={t('model.annotations')}
          value={pairsOf(model)}
          renderView={(pairs) => <Pairs pairs={pairs} />}
          words={(pairs) => pairs.map(([name, value]) => `${name}: ${value}`).join('\n')}
          problem={pairsProblem}
          renderEditor={(draft, change) => <PairsEditor pairs={draft} onChange={change} />}
          onSave={(draft, rev) =>
            save(
              { annotations: Object.fromEntries(draft.filter(([name]) => name !== '')) },
              { annotations: model.annotations },
              rev,
            )
          }
        />
      )}
      <Metadata model={model} />
    </>
  );
}

function Words({ text }: { readonly text: string }): ReactNode {
  return text === '' ? (
    <p className={css.none}>{t('edit.none')}</p>
  ) : (
    <p className={css.description}>{text}</p>
  );
}

function TagList({ tags }: { readonly tags: readonly string[] }): ReactNode {
  if (tags.length === 0) return <p className={css.none}>{t('edit.none')}</p>;
  return (
    <ul className={css.tags}>
      {tags.map((tag) => (
        <li key={tag}>{tag}</li>
      ))}
    </ul>
  );
}

type Pair = readonly [name: string, value: string];

function pairsOf(model: Model): readonly Pair[] {
  return Object.entries(model.annotations);
}

function Pairs({ pairs }: { readonly pairs: readonly Pair[] }): ReactNode {
  if (pairs.length === 0) return <p className={css.none}>{t('edit.none')}</p>;
  return <Facts facts={pairs} />;
}

/** Why annotations cannot be saved. Pure. */
function pairsProblem(pairs: readonly Pair[]): string | null {
  const names = pairs.map(([name]) => name);
  const twice = names.find((name, index) => name !== '' && names.indexOf(name) !== index);
  if (twice !== undefined) return t('edit.nameTwice', { name: twice });
  if (pairs.some(([name, value]) => name === '' && value !== '')) return t('edit.nameMissing');
  return names.some((name) => name.length > MOST_NAME) ? t('edit.nameLong') : null;
}

function PairsEditor({
  pairs,
  onChange,
}: {
  readonly pairs: readonly Pair[];
  readonly onChange: (pairs: Pair[]) => void;
}): ReactNode {
  const change = (index: number, pair: Pair): void =>
    onChange(pairs.map((before, at) => (at === index ? pair : before)));
  return (
    <div className={css.pairs}>
      {pairs.map(([name, value], index) => (
        // The place is the only thing that stays while a name is typed.
        // oxlint-disable-next-line react/no-array-index-key -- rows have no other identity while they are edited
        <div key={index} className={css.pair}>
          <TextInput
            aria-label={t('edit.pairName', { number: index + 1 })}
            placeholder={t('edit.name')}
            value={name}
            onChange={(event) => change(index, [event.currentTarget.value, value])}
          />
          <TextInput
            className={css.value}
            aria-label={t('edit.pairValue', { number: index + 1 })}
            placeholder={t('edit.value')}
            value={value}
            onChange={(event) => change(index, [name, event.currentTarget.value])}
          />
          <ActionIcon
            aria-label={t('edit.pairRemove', { number: index + 1 })}
            onClick={() => onChange(pairs.filter((_pair, at) => at !== index))}
          >
            <IconX size={16} stroke={1.5} />
          </ActionIcon>
        </div>
      ))}
      <div>
        <ReasonButton size="xs" onClick={() => onChange([...pairs, ['', '']])}>
          {t('edit.pairAdd')}
        </ReasonButton>
      </div>
    </div>
  );
}

/** What the files or the provider said, as they said it. */
function Metadata({ model }: { readonly model: Model }): ReactNode {
  const [shown, setShown] = useState(false);
  const count = Object.keys(model.metadata).length;
  if (count === 0) return null;
  const text = JSON.stringify(model.metadata, null, 2);
  return (
    <Section title={t('model.metadata')} facts={t('model.metadataCount', { count: formatCount(count) })}>
      <ReasonButton size="xs" aria-expanded={shown} onClick={() => setShown(!shown)}>
        {t(shown ? 'model.metadataHide' : 'model.metadataShow')}
      </ReasonButton>
      {shown && (
        <div className={css.metadata}>
          {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- it scrolls, so the keyboard has to reach it */}
          <pre tabIndex={0} aria-label={t('model.metadata')} role="region">
            {text}
          </pre>
          <Copy value={text} what={t('what.metadata')} />
        </div>
      )}
    </Section>
  );
}
