import type { Endpoints } from '../../shared/contract/index.ts';
import type { Router } from '../../server/router.ts';
import type { CloudDiscovery } from './cloud-discovery.ts';

export function discoveryRoutes(
  router: Router<Endpoints>,
  { discovery }: { discovery: CloudDiscovery },
): void {
  router.implement('testCredential', async ({ body }, { caller, signal }) => ({
    probe: await discovery.test(body, caller, signal),
  }));
  router.implement('probeCredential', ({ params }, { caller, signal }) =>
    discovery.probe(params.id, caller, signal),
  );
  router.implement('discoverCloud', async ({ query }, { caller, signal }) => {
    const { provider, models } = await discovery.models(query, caller, signal);
    return { provider, credential_id: query.credential_id, models };
  });
}
