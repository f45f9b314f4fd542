import type { OperationName } from '../operations/operations.ts';

/** A parameter of a command. */
export interface Parameter {
  /** The name of the parameter in the operation's input. */
  readonly name: string;
  /** `list`: may be given several times. `json`: JSON text. `secret`: read from a file, the input or a prompt. */
  readonly type: 'text' | 'number' | 'time' | 'flag' | 'list' | 'json' | 'secret';
  /** Whether the word `null` is a value. */
  readonly nullable?: true;
  readonly required?: true;
  readonly default?: unknown;
  readonly values?: readonly string[];
  readonly text: string;
}

/** A command that runs an operation. */
export interface Command {
  /** One or two words. */
  readonly name: string;
  readonly operation: OperationName;
  readonly effect: 'read' | 'write' | 'job';
  readonly text: string;
  readonly parameters: readonly Parameter[];
  /** Parameters that the command sets itself. */
  readonly preset?: Readonly<Record<string, unknown>>;
  readonly examples: readonly string[];
}

/** The name of a parameter's option, without the dashes. */
export const optionOf = (parameter: string): string =>
  parameter.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

/** The parameters that the command takes without an option, in their order. */
export function positionalsOf({ parameters }: Pick<Command, 'parameters'>): readonly Parameter[] {
  return parameters.filter(({ required, type }) => required && ['text', 'number', 'time'].includes(type));
}
