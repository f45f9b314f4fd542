import { isRecord } from '../json.ts';
import type { Arguments } from './arguments.ts';
import { type Command, optionOf, type Parameter, positionalsOf } from './command.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { type LineReader, readLines, readSecret } from './secrets.ts';

type Input = Record<string, unknown>;

/**
 * Reads the input for a command's operation from the command line, files and prompts. @throws CommandError if a parameter is
 * missing or wrong
 */
export async function readInput(
  command: Command,
  { options, positionals, global }: Arguments,
  reader: LineReader,
  isInteractive: boolean,
): Promise<Input> {
  const input: Input = { ...command.preset };
  const expected = positionalsOf(command);
  const tooMany = positionals[expected.length];
  if (tooMany !== undefined) throw usage(command, `There is one word too many: ${tooMany}`);
  for (const [index, parameter] of expected.entries()) {
    const text = positionals[index];
    if (text === undefined) throw usage(command, `The <${optionOf(parameter.name)}> is missing.`);
    input[parameter.name] = valueOf(parameter, text);
  }
  for (const parameter of command.parameters.filter((one) => !expected.includes(one))) {
    const value = await readOption(parameter, options, reader, isInteractive);
    if (value !== undefined) input[parameter.name] = value;
    else if (parameter.required) throw usage(command, `${spelt(parameter)} is missing.`);
    else if (parameter.isSent) input[parameter.name] = parameter.default;
  }
  if (global['dry-run'] === true) {
    if (!command.parameters.some(({ name }) => name === 'dryRun')) throw usage(command, 'This command has no dry run.');
    input['dryRun'] = true;
  }
  return withContent(command, input);
}

const spelt = ({ name, type }: Parameter): string =>
  type === 'flag' ? `--${optionOf(name)} or --no-${optionOf(name)}` : `--${optionOf(name)}`;

/**
 * If the operation has a parameter `content`, turns `--message` into the content of a text message. Throws a CommandError if
 * neither `--message` nor `--content` is given.
 */
function withContent(command: Command, { message, ...input }: Input): Input {
  if (!command.parameters.some(({ name }) => name === 'content'))
    return message === undefined ? input : { ...input, message };
  if (message === undefined && input['content'] === undefined)
    throw usage(command, '--message or --content is missing.');
  return message === undefined ? input : { ...input, content: { msgtype: 'm.text', body: message } };
}

async function readOption(
  parameter: Parameter,
  options: Arguments['options'],
  reader: LineReader,
  isInteractive: boolean,
): Promise<unknown> {
  const option = optionOf(parameter.name);
  const value = options[option];
  if (parameter.type === 'flag') return value;
  if (parameter.type === 'secret') {
    const file = options[`${option}-file`];
    if (typeof file === 'string') return readSecret(file, reader);
    if (!parameter.required && options[`ask-${option}`] !== true) return undefined;
    return isInteractive ? askTwice(option, reader) : reader.ask(`${option}: `, { hidden: true });
  }
  if (parameter.type === 'list') {
    const from = options[`${option}-from`];
    const listed = typeof from === 'string' ? await readLines(from, reader) : [];
    const given = Array.isArray(value) ? value.map(String) : [];
    const all = [...given, ...listed];
    return value === undefined && from === undefined
      ? undefined
      : all.map((item) => valueOf({ ...parameter, type: 'text' }, item));
  }
  return typeof value === 'string' ? valueOf(parameter, value) : undefined;
}

async function askTwice(option: string, reader: LineReader): Promise<string> {
  const first = await reader.ask(`New ${option} (not shown): `, { hidden: true });
  const second = await reader.ask(`The same ${option} again: `, { hidden: true });
  if (first !== second)
    throw new CommandError(EXIT.usage, `The two inputs differ. Nothing has changed: run the command again.`);
  return first;
}

/**
 * Converts a text of the command line to the value of a parameter.
 * @throws CommandError if the parameter cannot have this value
 */
function valueOf(parameter: Parameter, text: string): unknown {
  const { type, nullable, values } = parameter;
  if (nullable && text === 'null') return null;
  if (values !== undefined && !values.includes(text)) throw bad(parameter, text, `one of ${values.join(', ')}`);
  if (type === 'number') {
    if (!/^-?\d{1,16}$/.test(text)) throw bad(parameter, text, 'a whole number');
    return Number(text);
  }
  if (type === 'time') return timeOf(parameter, text);
  if (type === 'json') return jsonOf(parameter, text);
  return text;
}

/**
 * Returns a time in ms since the epoch. The text is a number of ms, or a date or time in ISO 8601. Without an offset, the time
 * is in UTC.
 */
function timeOf(parameter: Parameter, text: string): number {
  if (/^\d{1,16}$/.test(text)) return Number(text);
  const isIso = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$/.test(text);
  const at = Date.parse(/T.*(?:Z|[+-]\d\d:?\d\d)$/.test(text) || !text.includes('T') ? text : `${text}Z`);
  if (!isIso || Number.isNaN(at)) throw bad(parameter, text, 'a time such as 2030-01-31 or 2030-01-31T12:00Z');
  return at;
}

function jsonOf(parameter: Parameter, text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (isRecord(value) || Array.isArray(value)) return value;
  } catch {
    // The text is not JSON, so the function throws the error below.
  }
  throw bad(parameter, text, 'JSON');
}

const bad = ({ name }: Parameter, text: string, expected: string): CommandError =>
  new CommandError(EXIT.usage, `--${optionOf(name)} must be ${expected}, not ${JSON.stringify(text)}.`);

const usage = ({ name }: Command, problem: string): CommandError =>
  new CommandError(EXIT.usage, `${problem} See matrix-admin ${name} --help.`);
