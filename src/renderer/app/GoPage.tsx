import type { ReactNode } from 'react';
import { Redirect } from 'wouter';
import { ENDPOINTS } from '../../shared/contract/index.ts';
import { AppError } from '../../shared/contract/errors.ts';
import { call } from '../data/api.ts';
import { useQuery } from '../data/queries.ts';
import { Pending } from '../parts/Pending.tsx';
import { NotFound } from './NotFound.tsx';

/** `/go/<anything>`: the page of whatever bears that name, id or digest. */
export default function GoPage({ name }: { readonly name: string }): ReactNode {
  const wanted = bare(decodeURIComponent(name));
  const { data, error } = useQuery({
    key: `go ${wanted}`,
    about: [],
    read: (signal) => resolve(wanted, signal),
  });
  if (error !== null || data === null) return <NotFound />;
  return data === undefined ? <Pending /> : <Redirect to={data} replace />;
}

function bare(name: string): string {
  return name
    .replace(/^model:\/\//, '')
    .replace(/^(urn:modelops:content:)?sha256:/, '')
    .toLowerCase();
}

async function resolve(name: string, signal: AbortSignal): Promise<string | null> {
  const { models } = await call(ENDPOINTS.listModels, { query: { limit: 200 } }, { signal });
  const [family = name, version] = name.split('/');
  const model =
    models.find((one) => one.id === name || one.global_model_id.endsWith(`:${name}`)) ??
    models.find(
      (one) =>
        one.name === family && (version === undefined || version === `v${one.seq}` || version === one.label),
    ) ??
    (name.length >= 6 ? models.find((one) => one.checksum?.startsWith(name)) : undefined);
  if (model !== undefined) return `/models/${model.id}`;
  if (await exists(() => call(ENDPOINTS.getSlot, { params: { id: name } }, { signal })))
    return `/slots/${name}`;
  if (await exists(() => call(ENDPOINTS.getJob, { params: { id: name } }, { signal })))
    return `/jobs/${name}`;
  return null;
}

async function exists(look: () => Promise<unknown>): Promise<boolean> {
  try {
    await look();
    return true;
  } catch (error) {
    // Not there, not allowed and not a name at all look the same on purpose.
    if (error instanceof AppError && error.status < 500) return false;
    throw error;
  }
}
