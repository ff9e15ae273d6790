import type { Command } from 'commander';
import { AppError, ENDPOINTS, type Group, type Principal } from '../../shared/contract/index.ts';
import type { Role } from '../../shared/lifecycle/index.ts';
import type { Connection } from '../agent-connection.ts';
import { action } from '../command-context.ts';
import { formatTable, formatTime } from '../output.ts';

/** People, services and groups. */
export function accessCommands(program: Command): void {
  const principals = program.command('principals').description('people and services of this node');
  listPrincipals(principals);
  changePrincipals(principals);
  const groups = program.command('groups').description('groups of people and services');
  groupCommands(groups);
  memberCommands(groups);
}

function listPrincipals(principals: Command): void {
  action<{ query?: string; role?: Role }>(
    principals
      .command('list', { isDefault: true })
      .description('people and services, by name')
      .option('--query <text>', 'only those whose name holds this')
      .option('--role <role>', 'user, reviewer, admin or superadmin'),
    async ({ agent, output }, { query, role }) => {
      const { call } = await agent();
      const found: Principal[] = [];
      for await (const page of pagesOf((cursor) =>
        call(ENDPOINTS.listPrincipals, {
          query: {
            limit: 200,
            ...cursor,
            ...(query === undefined ? {} : { q: query }),
            ...(role === undefined ? {} : { role }),
          },
        }),
      ))
        found.push(...page.principals);
      const rows = found.map((one) => [
        one.id,
        one.kind,
        one.name,
        one.role,
        one.disabled_at === null ? '' : 'disabled',
        String(one.key_count),
        formatTime(one.last_seen_at),
        one.display_name,
      ]);
      const header = ['id', 'kind', 'name', 'role', 'state', 'keys', 'last seen', 'shown as'];
      output.result({ principals: found, next_cursor: null }, formatTable(header, rows));
    },
  );
  action(
    principals.command('show').description('one person or service').argument('<principal>', 'name or id'),
    async ({ agent, output }, _options, name) => {
      const principal = await findPrincipal(await agent(), name ?? '');
      output.result({ principal }, principalText(principal));
    },
  );
}

function changePrincipals(principals: Command): void {
  action<{ role: Role; service?: boolean; displayName?: string }>(
    principals
      .command('add')
      .description('add a person or a service')
      .argument('<name>')
      .option('--role <role>', 'user, reviewer, admin or superadmin', 'user')
      .option('--service', 'a program, not a person')
      .option('--display-name <text>', 'the name to show'),
    async ({ agent, output }, { role, service, displayName }, name) => {
      const { call } = await agent();
      const { principal } = await call(ENDPOINTS.createPrincipal, {
        body: {
          name: name ?? '',
          role,
          kind: service === true ? 'service' : 'person',
          ...(displayName === undefined ? {} : { display_name: displayName }),
        },
      });
      output.result(
        { principal },
        `${principal.name} is added with the role ${principal.role}.\n  Make a key with \`modelops keys create NAME --for ${principal.name}\`.`,
      );
    },
  );
  action<{ role?: Role; displayName?: string }>(
    principals
      .command('edit')
      .description('change the role or the name shown')
      .argument('<principal>', 'name or id')
      .option('--role <role>', 'user, reviewer, admin or superadmin')
      .option('--display-name <text>', 'the name to show'),
    async ({ agent, output }, { role, displayName }, name) => {
      const principal = await patchPrincipal(await agent(), name ?? '', {
        ...(role === undefined ? {} : { role }),
        ...(displayName === undefined ? {} : { display_name: displayName }),
      });
      output.result({ principal }, principalText(principal));
    },
  );
  for (const [verb, disabled, text] of [
    ['disable', true, 'is shut out; its keys and sessions answer 401'],
    ['enable', false, 'is let in again'],
  ] as const)
    action(
      principals
        .command(verb)
        .description(disabled ? 'shut out with all keys and sessions' : 'let in again')
        .argument('<principal>', 'name or id'),
      async ({ agent, output }, _options, name) => {
        const principal = await patchPrincipal(await agent(), name ?? '', { disabled });
        output.result({ principal }, `${principal.name} ${text}.`);
      },
    );
  action(
    principals
      .command('remove')
      .description('erase: its keys end and its name goes; the journal keeps its id')
      .argument('<principal>', 'name or id'),
    async ({ agent, output }, _options, name) => {
      const connection = await agent();
      const { id, name: known } = await findPrincipal(connection, name ?? '');
      const answer = await connection.call(ENDPOINTS.deletePrincipal, { params: { id } });
      output.result(answer, `${known} is erased; ${answer.revoked_keys} keys ended.`);
    },
  );
}

function groupCommands(groups: Command): void {
  action<{ query?: string }>(
    groups
      .command('list', { isDefault: true })
      .description('groups, by name')
      .option('--query <text>', 'only those whose name or description holds this'),
    async ({ agent, output }, { query }) => {
      const { call } = await agent();
      const found: Group[] = [];
      for await (const page of pagesOf((cursor) =>
        call(ENDPOINTS.listGroups, {
          query: { limit: 200, ...cursor, ...(query === undefined ? {} : { q: query }) },
        }),
      ))
        found.push(...page.groups);
      const rows = found.map((group) => [
        group.id,
        group.name,
        String(group.members.length),
        String(group.model_count),
        group.description,
      ]);
      const header = ['id', 'name', 'members', 'models', 'description'];
      output.result({ groups: found, next_cursor: null }, formatTable(header, rows));
    },
  );
  action(
    groups.command('show').description('one group with its members').argument('<group>', 'name or id'),
    async ({ agent, output }, _options, name) => {
      const group = await findGroup(await agent(), name ?? '');
      output.result({ group }, groupText(group));
    },
  );
  action<{ description?: string }>(
    groups
      .command('add')
      .description('make a group')
      .argument('<name>')
      .option('--description <text>', 'what it is for'),
    async ({ agent, output }, { description }, name) => {
      const { call } = await agent();
      const body = { name: name ?? '', ...(description === undefined ? {} : { description }) };
      const { group } = await call(ENDPOINTS.createGroup, { body });
      output.result({ group }, `The group ${group.name} is made.`);
    },
  );
  action<{ name?: string; description?: string }>(
    groups
      .command('edit')
      .description('rename or describe a group')
      .argument('<group>', 'name or id')
      .option('--name <name>', 'the new name')
      .option('--description <text>', 'what it is for'),
    async ({ agent, output }, { name, description }, ref) => {
      const connection = await agent();
      const { id, rev } = await findGroup(connection, ref ?? '');
      const body = {
        ...(name === undefined ? {} : { name }),
        ...(description === undefined ? {} : { description }),
      };
      const { group } = await connection.call(
        ENDPOINTS.patchGroup,
        { params: { id }, body },
        { ifMatch: rev },
      );
      output.result({ group }, groupText(group));
    },
  );
  action(
    groups
      .command('remove')
      .description('delete a group; its members stay')
      .argument('<group>', 'name or id'),
    async ({ agent, output }, _options, name) => {
      const connection = await agent();
      const { id, name: known } = await findGroup(connection, name ?? '');
      const answer = await connection.call(ENDPOINTS.deleteGroup, { params: { id } });
      output.result(answer, `The group ${known} is deleted.`);
    },
  );
}

function memberCommands(groups: Command): void {
  const member = groups.command('member').description('who is in a group');
  for (const [verb, row, text] of [
    ['add', ENDPOINTS.putGroupMember, 'is in'],
    ['remove', ENDPOINTS.deleteGroupMember, 'is no longer in'],
  ] as const)
    action(
      member
        .command(verb)
        .description(verb === 'add' ? 'put somebody into a group' : 'take somebody out of a group')
        .argument('<group>', 'name or id')
        .argument('<principal>', 'name or id'),
      async ({ agent, output }, _options, groupRef, principalRef) => {
        const connection = await agent();
        const { id } = await findGroup(connection, groupRef ?? '');
        const principal = await findPrincipal(connection, principalRef ?? '');
        const { group } = await connection.call(row, { params: { id, principal_id: principal.id } });
        output.result({ group }, `${principal.name} ${text} ${group.name}.`);
      },
    );
}

/** By name, or by id. @throws {AppError} `not_found`. */
export async function findPrincipal({ call }: Connection, ref: string): Promise<Principal> {
  for await (const page of pagesOf((cursor) =>
    call(ENDPOINTS.listPrincipals, { query: { q: ref, limit: 200, ...cursor } }),
  )) {
    const found = page.principals.find((one) => one.name === ref);
    if (found !== undefined) return found;
  }
  return (await call(ENDPOINTS.getPrincipal, { params: { id: ref } })).principal;
}

/** Every page of a list, one after the other. */
export async function* pagesOf<P extends { readonly next_cursor: string | null }>(
  read: (cursor: { cursor?: string }) => Promise<P>,
): AsyncGenerator<P> {
  let cursor: string | null = null;
  do {
    const page: P = await read(cursor === null ? {} : { cursor });
    yield page;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

async function findGroup({ call }: Connection, ref: string): Promise<Group> {
  for await (const page of pagesOf((cursor) =>
    call(ENDPOINTS.listGroups, { query: { q: ref, limit: 200, ...cursor } }),
  )) {
    const found = page.groups.find((one) => one.name === ref);
    if (found !== undefined) return found;
  }
  return (await call(ENDPOINTS.getGroup, { params: { id: ref } })).group;
}

/** Changes what was just read. @throws {AppError} `conflict` when somebody else was faster. */
async function patchPrincipal(
  connection: Connection,
  ref: string,
  body: { role?: Role; display_name?: string; disabled?: boolean },
): Promise<Principal> {
  if (Object.keys(body).length === 0)
    throw new AppError('invalid_argument', 'Nothing to change was given.', {
      hint: 'Use --role or --display-name.',
    });
  const { id, rev } = await findPrincipal(connection, ref);
  const input = { params: { id }, body };
  return (await connection.call(ENDPOINTS.patchPrincipal, input, { ifMatch: rev })).principal;
}

function principalText(one: Principal): string {
  return [
    `${one.name} (${one.kind}, ${one.role})${one.disabled_at === null ? '' : ', disabled'}`,
    `  id         ${one.id}`,
    ...(one.display_name === '' ? [] : [`  shown as   ${one.display_name}`]),
    `  groups     ${one.groups.map((group) => group.name).join(', ') || 'none'}`,
    `  keys       ${one.key_count}`,
    `  last seen  ${formatTime(one.last_seen_at)}`,
  ].join('\n');
}

function groupText(group: Group): string {
  return [
    `${group.name}${group.description === '' ? '' : `: ${group.description}`}`,
    `  id       ${group.id}`,
    `  models   ${group.model_count}`,
    `  members  ${group.members.map((member) => member.name).join(', ') || 'none'}`,
  ].join('\n');
}
