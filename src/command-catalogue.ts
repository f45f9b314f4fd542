import type { Command, Parameter } from './cli/command.ts';
import { positionalsOf } from './cli/command.ts';
import { COMMAND_DEFAULTS, commandNameOf, EXAMPLES, SHORTHANDS } from './command-names.ts';
import { OPERATIONS, type OperationName } from './operations/operations.ts';
import { type ParameterSchema, parametersOf } from './request-table.ts';

/** The doc comments of operations and of their parameters. The keys have the form `purgeRoom` and `purgeRoom.roomId`. */
export type Texts = ReadonlyMap<string, string>;

/** Names of parameters whose values are secrets. */
const SECRETS: readonly string[] = ['password', 'mac', 'nonce'];
/** Names of parameters that are times in ms since the epoch. */
const TIMES = /^(?:since|until|time|expiryTime|validUntilMs|maxTimestamp)$|Ts$/;
/**
 * Parameters of operations that commands do not offer as options. The homeserver sets these parameters, or commands have no use
 * for them.
 */
const NOT_OFFERED: Readonly<Partial<Record<OperationName, readonly string[]>>> = {
  registerBySharedSecret: ['address', 'userAgent'],
  planBulk: ['onlyPlans'],
};

/** Makes a command for each operation and for each entry of `SHORTHANDS`, in the order of the commands' names. */
export function buildCommands(texts: Texts): readonly Command[] {
  const operations = Object.keys(OPERATIONS) as OperationName[];
  const own = operations.map((operation) => commandOf(texts, operation, commandNameOf(operation)));
  const short = Object.entries(SHORTHANDS).map(([name, { operation, preset, text, without = [], required = [] }]) => {
    const { parameters, ...command } = commandOf(texts, operation, name);
    const left = parameters.filter((parameter) => !(parameter.name in preset) && !without.includes(parameter.name));
    const asked = left.map((parameter) =>
      required.includes(parameter.name) ? ({ ...parameter, required: true } as const) : parameter,
    );
    return withExamples({ ...command, text, preset, parameters: asked });
  });
  return [...own, ...short].toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function commandOf(texts: Texts, operation: OperationName, name: string): Command {
  const { properties, required } = parametersOf(operation);
  const defaults = COMMAND_DEFAULTS[name] ?? {};
  const parameters = Object.entries(properties)
    .filter(([parameter]) => NOT_OFFERED[operation]?.includes(parameter) !== true)
    .map(([parameter, schema]): Parameter => {
      const type = typeOf(parameter, schema);
      const preset = defaults[parameter] ?? schema.default;
      const values = schema.enum ?? schema.items?.enum ?? schema.anyOf?.find((one) => one.enum !== undefined)?.enum;
      return {
        name: parameter,
        type,
        ...(isNullable(schema) && { nullable: true }),
        ...(required.includes(parameter) && preset === undefined && { required: true }),
        ...(preset !== undefined && preset !== null && { default: preset }),
        ...(parameter in defaults && { isSent: true }),
        ...(values !== undefined && { values }),
        text: plain(texts.get(`${operation}.${parameter}`) ?? ''),
      };
    });
  if ('content' in properties) replaceContent(parameters);
  const { effect } = OPERATIONS[operation];
  return withExamples({ name, operation, effect, text: plain(texts.get(operation) ?? ''), parameters, examples: [] });
}

/**
 * Adds a parameter `message` for the text of a message before the parameter `content`, which is then not required. So people
 * need not write the content of the event in JSON.
 */
function replaceContent(parameters: Parameter[]): void {
  const at = parameters.findIndex(({ name }) => name === 'content');
  const content = parameters[at];
  if (content === undefined) return;
  const { required: _, ...optional } = content;
  const message = { name: 'message', type: 'text', text: 'The text of the message. Instead of --content.' } as const;
  parameters.splice(at, 1, message, optional);
}

const SAMPLES: Readonly<Record<string, string>> = {
  roomId: "'!id:example.org'",
  userId: '@alice:example.org',
  eventId: "'$event'",
  serverName: 'other.example',
  destination: 'other.example',
  deviceId: 'DEVICE',
  jobId: '5329af25-b20b-4d60-90f1-70655fc53eee',
  reporter: '@alice:example.org',
  operation: 'deactivateUser',
};

function withExamples(command: Command): Command {
  const words = positionalsOf(command).map(
    (parameter) => SAMPLES[parameter.name] ?? parameter.values?.[0] ?? sample(parameter),
  );
  const flags = command.parameters
    .filter(({ required, type }) => required && type === 'flag')
    .map(({ name }) => `--${name}`);
  return { ...command, examples: EXAMPLES[command.name] ?? [[command.name, ...words, ...flags].join(' ')] };
}

const sample = ({ type, name }: Parameter): string =>
  type === 'time' ? '2030-01-31' : type === 'number' ? '1' : name.toUpperCase();

function typeOf(name: string, schema: ParameterSchema): Parameter['type'] {
  if (SECRETS.includes(name)) return 'secret';
  const types = [schema, ...(schema.anyOf ?? [])].flatMap(({ type = [] }) => type);
  if (types.includes('boolean')) return 'flag';
  if (types.includes('integer')) return TIMES.test(name) ? 'time' : 'number';
  if (types.includes('array')) return listType(schema);
  return types.includes('object') ? 'json' : 'text';
}

/** Returns the type of a list parameter. People write a list of objects as JSON. */
const listType = ({ items = {} }: ParameterSchema): Parameter['type'] =>
  'oneOf' in items || items.type === 'object' ? 'json' : 'list';

const isNullable = ({ type = [], anyOf = [] }: ParameterSchema): boolean =>
  [type, ...anyOf.map((one) => one.type ?? [])].flat().includes('null');

/** Turns a doc comment into plain text on one line. */
const plain = (comment: string): string => comment.replaceAll('`', '').replaceAll(/\s+/g, ' ').trim();
