import type { ReactNode } from 'react';
import { principalQuery } from '../data/access.ts';
import { useQuery } from '../data/queries.ts';
import { useMay, useSession } from '../data/session.ts';
import { t } from '../strings/text.ts';
import { UNKNOWN } from './format.ts';

/** Who did something, by the id the agent keeps: by name where this caller may know it; the agent where nobody asked. */
export function Who({ id }: { readonly id: string | null }): ReactNode {
  const session = useSession();
  const superadmin = useMay('superadmin');
  const own = session.state === 'signed-in' && session.key.principal_id === id;
  const { data: principal } = useQuery(!superadmin || own || id === null ? null : principalQuery(id));
  if (id === null) return t('history.agent');
  if (own) return session.key.principal_name;
  return <span title={id}>{principal?.name ?? UNKNOWN}</span>;
}
