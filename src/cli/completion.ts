import type { Command } from 'commander';
import { ENDPOINTS } from '../shared/contract/index.ts';
import { resolveDataDir } from '../agent/kernel/agent-file.ts';
import { connect } from './agent-connection.ts';

/** Shell completion: the scripts ask the CLI itself, so commands, options, models and slots are always the real ones. */
const SCRIPTS: Record<string, (command: string) => string> = {
  bash: (command) => `_modelops() {
  local IFS=$'\\n'
  COMPREPLY=( $(${command} __complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null) )
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=( $(compgen -f -- "\${COMP_WORDS[COMP_CWORD]}") ); fi
}
complete -o filenames -F _modelops modelops
`,
  zsh: (command) => `#compdef modelops
_modelops() {
  local -a found
  found=("\${(@f)$(${command} __complete -- "\${words[@]:1:$((CURRENT-1))}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then compadd -a found; else _files; fi
}
compdef _modelops modelops
`,
  fish: (command) => `function __modelops_complete
  set -l words (commandline -opc) (commandline -ct)
  ${command} __complete -- $words[2..-1] 2>/dev/null
end
complete -c modelops -a '(__modelops_complete)'
`,
};

export const SHELLS = Object.keys(SCRIPTS);

export function completionScript(shell: string, command = 'modelops'): string | null {
  return SCRIPTS[shell]?.(command) ?? null;
}

/** Arguments that name something of the node. */
type Named = 'models' | 'slots' | 'principals' | 'groups' | 'keys';
const NAMES: Record<string, Named> = {
  id: 'models',
  model: 'models',
  slot: 'slots',
  name: 'models',
  principal: 'principals',
  group: 'groups',
  key: 'keys',
};

/** What may stand in the place of the last word. */
export async function complete(program: Command, words: readonly string[]): Promise<string[]> {
  const typed = words.at(-1) ?? '';
  let command = program;
  let positional = 0;
  for (const word of words.slice(0, -1)) {
    if (word.startsWith('-')) continue;
    const next = command.commands.find((child) => child.name() === word);
    if (next !== undefined) {
      command = next;
      positional = 0;
    } else positional += 1;
  }
  if (typed.startsWith('-')) {
    const options = [...command.options, ...program.options].flatMap((option) =>
      option.long === undefined ? [] : [option.long],
    );
    return matching([...new Set(options)], typed);
  }
  const children = command.commands.map((child) => child.name()).filter((name) => !name.startsWith('__'));
  if (children.length > 0 && positional === 0) return matching(children, typed);
  const argument = command.registeredArguments[positional]?.name();
  if (argument === undefined) return [];
  const isSlot = command.parent?.name() === 'slots' && argument === 'id';
  return matching(await names(isSlot ? 'slots' : NAMES[argument]), typed);
}

async function names(kind: Named | undefined): Promise<string[]> {
  if (kind === undefined) return [];
  try {
    const { call } = await connect(resolveDataDir(undefined));
    const query = { limit: 200 };
    switch (kind) {
      case 'slots':
        return (await call(ENDPOINTS.listSlots, { query })).slots.map((slot) => slot.id);
      case 'principals':
        return (await call(ENDPOINTS.listPrincipals, { query })).principals.map((one) => one.name);
      case 'groups':
        return (await call(ENDPOINTS.listGroups, { query })).groups.map((group) => group.name);
      case 'keys':
        return (await call(ENDPOINTS.listKeys, { query })).keys
          .filter((key) => key.revoked_at === null && key.replaced_by === null && key.kind === 'api')
          .map((key) => key.name);
      default:
        return (await call(ENDPOINTS.listModels, { query })).models.map((model) => model.id);
    }
  } catch {
    // Without an agent there is nothing to offer, and nothing to say in the middle of typing.
    return [];
  }
}

function matching(candidates: readonly string[], typed: string): string[] {
  return candidates.filter((candidate) => candidate.startsWith(typed)).toSorted();
}
