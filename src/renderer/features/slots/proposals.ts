import type { Capability, Gpu, Runtime, Slot } from '../../../shared/contract/index.ts';
import { formatBytes } from '../../parts/format.ts';
import { t } from '../../strings/text.ts';
import { gpusTitle } from '../hardware/words.ts';

/** A slot that suits this machine. */
export interface Proposal {
  readonly label: string;
  readonly runtime_spec: string;
  readonly capability: Capability;
  readonly gpu_ids: readonly string[];
}

/** Which engine for which place, the usual one first. */
const ON_GPU = ['vllm', 'llama-cpp-cuda'] as const;
const ON_CPU = ['llama-cpp-cpu', 'embedded-llama'] as const;

/** Slots that suit this machine: one for each GPU that no slot names, all alike ones together, and the processor. Pure. */
export function proposalsFor(
  gpus: readonly Gpu[],
  runtimes: readonly Runtime[],
  slots: readonly Slot[],
): readonly Proposal[] {
  const onGpu = best(runtimes, ON_GPU);
  const onCpu = best(runtimes, ON_CPU);
  const free = gpus.filter((gpu) => gpu.usable && gpu.slot_ids.length === 0);
  const proposals: Proposal[] = [];
  if (onGpu !== undefined) {
    for (const gpu of free)
      proposals.push(proposal(onGpu, [gpu], gpusTitle([gpu]), gpu.memory_total_bytes ?? null));
    const [first] = free;
    // A model may be cut into two, four or eight, over cards that are alike.
    const alike = free.filter((gpu) => gpu.name === first?.name && gpu.parent_uuid === null);
    if ([2, 4, 8].includes(alike.length)) {
      const total = alike.reduce((bytes, gpu) => bytes + (gpu.memory_total_bytes ?? 0), 0);
      proposals.push(proposal(onGpu, alike, t('proposal.together', { gpus: gpusTitle(alike) }), total));
    }
  }
  if (onCpu !== undefined && !slots.some((slot) => slot.runtime_spec === onCpu.id))
    proposals.push(proposal(onCpu, [], t('proposal.cpu'), null));
  return proposals;
}

function proposal(runtime: Runtime, gpus: readonly Gpu[], place: string, memory: number | null): Proposal {
  return {
    label:
      memory === null
        ? t('proposal.on', { place, runtime: runtime.name })
        : t('proposal.onMemory', { place, memory: formatBytes(memory), runtime: runtime.name }),
    runtime_spec: runtime.id,
    capability: runtime.capabilities[0] ?? 'llm_inference',
    gpu_ids: gpus.map((gpu) => gpu.uuid),
  };
}

/** The first that can run; where none can, the first there is, so that its reason is seen. */
function best(runtimes: readonly Runtime[], ids: readonly string[]): Runtime | undefined {
  const known = ids.flatMap((id) => runtimes.find((runtime) => runtime.id === id) ?? []);
  return known.find((runtime) => runtime.available) ?? known[0];
}
