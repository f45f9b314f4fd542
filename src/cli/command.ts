import type { OperationName } from '../operations/operations.ts';

/** A parameter of a command. */
export interface Parameter {
  /** The name of the parameter in the operation's input. */
  readonly name: string;
  /**
   * A `flag` is an option without a value. A `list` may be given several times. `json` is JSON text. A `secret` is read from a
   * file, from the standard input or from a prompt.
   */
  readonly type: 'text' | 'number' | 'time' | 'flag' | 'list' | 'json' | 'secret';
  /** Whether the word `null` is a value of this parameter. */
  readonly nullable?: true;
  readonly required?: true;
  readonly default?: unknown;
  /**
   * Whether the command sends the default in its request. This is necessary for a default that the operation itself does not
   * have.
   */
  readonly isSent?: true;
  readonly values?: readonly string[];
  readonly text: string;
}

/** A command that runs an operation. */
export interface Command {
  /** The name of the command, one or two words. */
  readonly name: string;
  readonly operation: OperationName;
  readonly effect: 'read' | 'write' | 'job';
  readonly text: string;
  readonly parameters: readonly Parameter[];
  /** The values of parameters that the command itself sets, so that a person cannot choose them. */
  readonly preset?: Readonly<Record<string, unknown>>;
  readonly examples: readonly string[];
}

/** Returns the name of a parameter's option, without the dashes. */
export const optionOf = (parameter: string): string =>
  parameter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/**
 * Returns the parameters that a person gives without the name of an option, in their order. These are the required texts,
 * numbers and times.
 */
export function positionalsOf({ parameters }: Pick<Command, 'parameters'>): readonly Parameter[] {
  return parameters.filter(({ required, type }) => required && ['text', 'number', 'time'].includes(type));
}
