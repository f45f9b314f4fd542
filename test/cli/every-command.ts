import type { Command, Parameter } from '../../src/cli/command.ts';
import { optionOf, positionalsOf } from '../../src/cli/command.ts';
import { COMMANDS } from '../../src/cli/commands.ts';
import server from '../fixtures/dendrite/server.json' with { type: 'json' };
import { LAST } from '../support/every-route.ts';

/** All commands, in an order in which each command finds the data that it needs. Destructive commands come last. */
export const COMMANDS_IN_ORDER: readonly Command[] = COMMANDS.toSorted((a, b) => rankOf(a) - rankOf(b));

function rankOf({ effect, operation }: Command): number {
  if (LAST.includes(operation)) return 2 + LAST.indexOf(operation);
  return effect === 'read' ? 0 : 1;
}

/** Values of the recorded data. */
const SAMPLES: Readonly<Record<string, string>> = {
  roomId: server.rooms.v10,
  userId: server.users.bob.user_id,
  reporter: server.users.alice.user_id,
  newRoomUserId: server.users.alice.user_id,
  serverName: server.remote_server_name,
  destination: server.remote_server_name,
  username: 'nobody-has-this',
  medium: 'email',
  address: 'bob@example.org',
  token: '00000000-0000-4000-8000-000000000000',
  operation: 'evacuateUser',
  jobId: '00000000-0000-4000-8000-000000000000',
  approvalId: '00000000-0000-4000-8000-000000000000',
  deleteId: '00000000-0000-4000-8000-000000000000',
  time: '2020-01-31',
  beforeTs: '2020-01-31',
  rooms: server.rooms.v10,
  since: '2020-01-31T12:00Z',
  reportId: '1',
  displayName: 'Bob',
  features: '{"msc3881":true}',
  message: 'hello',
};

/** Options that a command needs here, although they are optional. */
const OPTIONS: Readonly<Record<string, readonly string[]>> = {
  'bulk plan': ['--user-ids', server.users.bob.user_id],
  'device delete': ['--devices', 'NO_SUCH_DEVICE'],
  'notice send': ['--message', 'hello'],
  'notice send-to-many': ['--message', 'hello', '--user-ids', server.users.bob.user_id],
  'room make-admin': ['--user-id', server.users.carol.user_id],
  'room purge': ['--evacuate'],
  'room purge-history': ['--up-to-ts', '2020-01-31'],
  'user set': ['--display-name', 'Bob'],
  'user set-features': ['--features', '{"msc3881":true}'],
};

/** Rooms of destructive commands. */
const ROOMS: Readonly<Record<string, string>> = {
  'room purge': server.rooms.v4,
  'room delete': server.rooms.v5,
  'room evacuate': server.rooms.v6,
  'room download-state': server.rooms.remote,
};
/**
 * Commands that do not run on the default user, because they change a user too much for later commands, or need another kind of
 * user.
 */
const USERS: Readonly<Record<string, string>> = {
  'user deactivate': server.users.erin.user_id,
  'user evacuate': server.users.dave.user_id,
  'user set-admin': server.users.carol.user_id,
  'user login-as': server.users.bob.user_id,
  'device refresh': `@someone:${server.remote_server_name}`,
};

/** Returns a command line that runs the command on the recorded data. The command reads secrets from the standard input. */
export function commandLineOf(command: Command, eventId: string): string[] {
  const positionals = positionalsOf(command);
  const value = (parameter: Parameter): string =>
    parameter.name === 'roomId' && ROOMS[command.name] !== undefined
      ? (ROOMS[command.name] ?? '')
      : parameter.name === 'userId' && USERS[command.name] !== undefined
        ? (USERS[command.name] ?? '')
        : parameter.name === 'eventId'
          ? eventId
          : (SAMPLES[parameter.name] ?? parameter.values?.at(-1) ?? 'x');
  const rest = command.parameters.filter((parameter) => parameter.required && !positionals.includes(parameter));
  const options = rest.flatMap((parameter) => {
    if (parameter.type === 'flag') return [`--${optionOf(parameter.name)}`];
    if (parameter.type === 'secret') return [`--${optionOf(parameter.name)}-file`, '-'];
    return OPTIONS[command.name]?.includes(`--${optionOf(parameter.name)}`)
      ? []
      : [`--${optionOf(parameter.name)}`, value(parameter)];
  });
  return [...command.name.split(' '), ...positionals.map(value), ...options, ...(OPTIONS[command.name] ?? [])];
}
