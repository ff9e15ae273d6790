import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ENDPOINTS } from '../../src/shared/contract/index.ts';
import { LLAMA_IMAGE } from '../../tools/llama-image.ts';
import { importModel, serveModel, startTestAgent } from '../support/agent.ts';
import { containersOf, removeContainersOf } from '../support/docker.ts';
import { gpusUntil, QUICK } from '../support/gpus.ts';
import { writeSpeakingModel } from '../support/models.ts';
import { placeNvidiaSmi } from '../support/nvidia-smi.ts';
import { temporaryDirectory } from '../support/temporary.ts';

describe('processes on a GPU', () => {
  it('are put to the slot whose container they run in; others are not ours', async () => {
    await using directory = await temporaryDirectory();
    const smi = await placeNvidiaSmi(directory.path, { recording: 'one', processes: [] });
    await using agent = await startTestAgent(join(directory.path, 'data'), {
      gpuTiming: QUICK,
      settings: { nvidia_smi: smi.path },
    });
    const { node_id: nodeId } = (await agent.call(ENDPOINTS.getSystem, {})).system;
    try {
      const model = await importModel(
        agent,
        await writeSpeakingModel(join(directory.path, 'alpha.gguf'), 'alpha'),
      );
      const { slot_id: slot } = await serveModel(agent, model.id, {
        runtime_spec: 'llama-cpp-cpu',
        config: { image: LLAMA_IMAGE, threads: 1, context_length: 256 },
      });
      const [container] = await containersOf(nodeId);
      const uuid = (await agent.call(ENDPOINTS.listGpus, {})).gpus[0]?.uuid ?? '';
      const on = (pid: number, name: string) => ({
        gpu_uuid: uuid,
        pid: String(pid),
        process_name: name,
        used_gpu_memory: '500',
      });
      await smi.say({
        recording: 'one',
        processes: [on(container?.State.Pid ?? 0, '/app/llama-server'), on(process.pid, 'python3')],
      });
      const { gpus } = await gpusUntil(agent, (now) => now.gpus[0]?.processes.length === 2);
      expect(gpus[0]?.processes.map(({ name, slot_id: of }) => [name, of])).toEqual([
        ['/app/llama-server', slot],
        ['python3', null],
      ]);
    } finally {
      // An agent that still runs would start it again.
      await agent.stop();
      await removeContainersOf(nodeId);
    }
  });
});
