import type { ReactNode } from 'react';
import { Link } from 'wouter';
import type { Model } from '../../../shared/contract/index.ts';
import { shortDigest } from '../../../shared/contract/identity.ts';
import { Copy } from '../../parts/Copy.tsx';
import { Facts, type Fact } from '../../parts/Facts.tsx';
import { Bytes, Count, Time } from '../../parts/figures.tsx';
import { formatCount, formatParameters, truncateMiddle } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import { credentialWords, formatWords, providerWords, sourceWords } from './words.ts';

/** What the rail holds on one line. */
const SHOWN_ID = 19;

/** What a model is, without its state. */
export function ModelFacts({ model }: { readonly model: Model }): ReactNode {
  const facts: Fact[] = [
    [
      t('fact.id'),
      <Copy key="id" value={model.id} what={t('what.id')}>
        <span className="mono" title={model.id}>
          {truncateMiddle(model.id, SHOWN_ID)}
        </span>
      </Copy>,
    ],
    [
      t('fact.content'),
      <Copy key="content" value={model.global_model_id} what={t('what.digest')}>
        <span className="mono" title={model.global_model_id}>
          {model.checksum === null ? model.global_model_id : `sha256:${shortDigest(model.checksum)}`}
        </span>
      </Copy>,
    ],
    ...(model.label === null ? [] : [[t('fact.label'), model.label] as Fact]),
    ...(model.hosting === 'cloud' ? cloudFacts(model) : localFacts(model)),
    [t('fact.hosting'), t(`fact.hosting.${model.hosting}`)],
    [t('fact.visibility'), t(`visibility.${model.visibility_scope}`)],
    ...(model.owner_name === null ? [] : [[t('fact.owner'), model.owner_name] as Fact]),
    ...(model.aliases.length === 0 ? [] : [[t('family.aliases'), model.aliases.join(', ')] as Fact]),
    ...(model.tags.length === 0 ? [] : [[t('fact.tags'), model.tags.join(', ')] as Fact]),
    [t('fact.calls'), <Count key="calls" value={model.usage_summary.total.calls} />],
    [
      t('fact.used'),
      model.usage_summary.last_used_at === null ? (
        t('models.never')
      ) : (
        <Time key="used" at={model.usage_summary.last_used_at} as="ago" />
      ),
    ],
    [t('fact.created'), <Time key="created" at={model.created_at} />],
  ];
  return <Facts facts={facts} />;
}

/** What the files say. */
function localFacts(model: Model): Fact[] {
  const unknown = t('fact.unknownHeader');
  return [
    [t('fact.source'), sourceWords(model)],
    [t('fact.task'), t(`task.${model.task_key}`)],
    [t('fact.format'), formatWords(model)],
    [
      t('fact.architecture'),
      model.architecture ?? <Count key="architecture" value={null} reason={unknown} />,
    ],
    [
      t('fact.parameters'),
      model.parameter_count === null ? (
        <Count key="parameters" value={null} reason={unknown} />
      ) : (
        formatParameters(model.parameter_count)
      ),
    ],
    [
      t('fact.context'),
      model.trained_context_length === null ? (
        <Count key="context" value={null} reason={unknown} />
      ) : (
        t('fact.contextTrained', { tokens: formatCount(model.trained_context_length) })
      ),
    ],
    [t('fact.template'), t(model.has_chat_template ? 'fact.template.yes' : 'fact.template.no')],
    [t('fact.size'), <Bytes key="size" value={model.artifact?.size_bytes} />],
  ];
}

/** Who runs it, under what name, with which credential. */
function cloudFacts(model: Model): Fact[] {
  const { credential } = model;
  const name = credential.display_name;
  return [
    [t('fact.provider'), providerWords(model.provider)],
    [
      t('fact.providerModel'),
      model.provider_model_id === null ? (
        <Count key="provider-model" value={null} />
      ) : (
        <Copy key="provider-model" value={model.provider_model_id} what={t('what.id')}>
          <span className="mono" title={model.provider_model_id}>
            {truncateMiddle(model.provider_model_id, SHOWN_ID)}
          </span>
        </Copy>
      ),
    ],
    [t('fact.task'), t(`task.${model.task_key}`)],
    [
      t('fact.credential'),
      name === undefined || credential.id === undefined ? (
        t(`credentialState.${credential.status}`)
      ) : (
        <Link key="credential" href={`/credentials/${credential.id}`}>
          {credentialWords({ display_name: name, api_key_last4: credential.api_key_last4 ?? '' })}
        </Link>
      ),
    ],
    ...(credential.api_base_url === undefined
      ? []
      : [
          [
            t('fact.baseUrl'),
            <span key="base" className="mono" title={credential.api_base_url}>
              {truncateMiddle(credential.api_base_url, 22)}
            </span>,
          ] as Fact,
        ]),
  ];
}
