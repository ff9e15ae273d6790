import type { ReactNode } from 'react';
import { openDialog } from '../../app/dialogs.ts';
import { useGpuList } from '../../data/hardware.ts';
import { useSlots } from '../../data/live.ts';
import { runtimesQuery } from '../../data/node.ts';
import { useQuery } from '../../data/queries.ts';
import { ReasonButton } from '../../parts/ReasonButton.tsx';
import { proposalsFor, type Proposal } from './proposals.ts';

const MOST = 4;

/** Slots that suit this machine. */
export function useProposals(): readonly Proposal[] {
  const gpus = useGpuList();
  const slots = useSlots() ?? [];
  const { data: runtimes = [] } = useQuery(runtimesQuery);
  return proposalsFor(gpus, runtimes, slots);
}

/** The same as buttons; each opens the dialog with everything filled in. */
export function Proposals(): ReactNode {
  return useProposals()
    .slice(0, MOST)
    .map((proposal) => (
      <ReasonButton key={proposal.label} changes onClick={() => openDialog({ kind: 'new-slot', proposal })}>
        {proposal.label}
      </ReasonButton>
    ));
}
