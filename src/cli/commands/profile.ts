import type { Command } from 'commander';
import { ENDPOINTS, type EndpointOutput } from '../../shared/contract/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatTable, formatTime } from '../output.ts';

const SHOWN_ATTEMPTS = 5;

type Attempts = EndpointOutput<typeof ENDPOINTS.listRefusedAttempts>['attempts'];
type State = EndpointOutput<typeof ENDPOINTS.getProfile>;

/** Online or offline: what holds, what a switch would do, and what was refused. */
export function profileCommands(program: Command): void {
  const profile = program.command('profile').description('online or offline, and what was refused');
  action(
    profile.command('show', { isDefault: true }).description('the profile and the latest refused attempts'),
    async ({ agent, output }) => {
      const { call } = await agent();
      const [state, { attempts }] = await Promise.all([
        call(ENDPOINTS.getProfile, {}),
        call(ENDPOINTS.listRefusedAttempts, {}),
      ]);
      const latest = attempts.slice(0, SHOWN_ATTEMPTS);
      output.result(
        { ...state, attempts },
        [sentence(state), ...(latest.length === 0 ? [] : ['', table(latest)])].join('\n'),
      );
    },
  );
  action(
    profile.command('refused').description('attempts to reach beyond this machine that were refused'),
    async ({ agent, output }) => {
      const { call } = await agent();
      const answer = await call(ENDPOINTS.listRefusedAttempts, {});
      output.result(answer, answer.attempts.length === 0 ? 'Nothing was refused.' : table(answer.attempts));
    },
  );
  for (const wanted of ['online', 'offline'] as const) {
    action<{ preview?: boolean }>(
      profile.command(wanted).description(`go ${wanted}`).option('--preview', 'only say what it would do'),
      async ({ agent, output }, { preview }) => {
        const connection = await agent();
        const effects = await effectsOf(connection, wanted);
        for (const effect of effects) output.say(`  ${effect.sentence}`);
        if (preview === true) {
          if (output.json) output.result({ effects }, '');
          return;
        }
        const state = await connection.call(ENDPOINTS.putProfile, { body: { profile: wanted } });
        output.result({ ...state, effects }, sentence(state));
      },
    );
  }
}

async function effectsOf({ call }: Connection, profile: 'online' | 'offline') {
  return (await call(ENDPOINTS.previewProfileEffects, { body: { profile } })).effects;
}

function sentence(state: State): string {
  return `${state.profile}${state.locked ? ` (locked by ${state.source})` : ''}, ${state.refused_count} attempts refused`;
}

function table(attempts: Attempts): string {
  return formatTable(
    ['at', 'for', 'host', 'why'],
    attempts.map(({ at, purpose, host, reason }) => [formatTime(at), purpose, host, reason]),
  );
}
