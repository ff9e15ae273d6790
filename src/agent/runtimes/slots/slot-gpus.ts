import type { Gpus } from '../../gpus/index.ts';
import type { SlotGpus } from './gpu-check.ts';

/** What a slot asks about its GPUs, answered by what the driver says. A card is named by UUID or index, an instance by UUID. */
export function slotGpus(gpus: Gpus): SlotGpus {
  return {
    problemOf: (id, signal) => gpus.problemOf(id, signal),
    read: (id) => {
      const found = gpus
        .snapshot()
        .gpus.find(
          ({ uuid, index, parent_uuid: parent }) => uuid === id || (parent === null && String(index) === id),
        );
      if (found === undefined) return null;
      return {
        id,
        usedBytes: found.memory_used_bytes,
        processes: found.processes.map((process) => ({
          slotId: process.slot_id,
          memoryBytes: process.memory_used_bytes,
        })),
      };
    },
    processesChanged: () => gpus.processesChanged(),
  };
}
