import type { Validator } from '../validators/validator.ts';
import type { ProviderCalls } from './provider-calls.ts';

/** Whether the provider takes the credential now. Asked at every validation and renewal of a cloud model. */
export function endpointProbe(calls: ProviderCalls): Validator {
  return {
    kind: 'endpoint_probe',
    title: 'Provider takes the credential',
    description: 'The provider answers a list of its models to the credential of this model.',
    required: true,
    hosting: ['cloud'],
    applies: () => true,
    run: async ({ model }, signal) => {
      const asked = await calls.lists(model, signal);
      if (!asked.ok)
        return {
          result: 'failure',
          summary: asked.refusal.message,
          details: { error: asked.refusal.code, ...asked.refusal.details },
        };
      // Some providers answer for more than they list, and the test proves that this one answers.
      const listed = asked.answer ? 'lists the model' : 'answers; it does not list the model';
      return {
        result: 'success',
        summary: `The provider takes the credential and ${listed}.`,
        details: { listed: asked.answer, latency_ms: asked.latencyMs },
      };
    },
  };
}
