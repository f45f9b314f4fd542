import { readFileSync } from 'node:fs';
import { isRecord } from '../../src/json.ts';
import { SERVER_NAME } from './dendrite-server.ts';

/** A request by an administrator, and the answer of a real Synapse to it. */
export interface SynapseCase {
  readonly case: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Whether the request had an access token. */
  readonly token: boolean;
  readonly status: number;
  readonly response: unknown;
}

/** Reads a recording. Replaces the recorded server name by the test server's name. */
export function synapseRecording(name: string): readonly SynapseCase[] {
  const text = readFileSync(new URL(`../fixtures/synapse/${name}.json`, import.meta.url), 'utf8');
  const renamed = text
    .replaceAll('localhost:38448', SERVER_NAME)
    .replaceAll(encodeURIComponent('localhost:38448'), encodeURIComponent(SERVER_NAME));
  return JSON.parse(renamed);
}

/** Values for the placeholders that a recording has in braces. */
type Names = Readonly<Record<string, string | number>>;

function valueOf(names: Names, name: string): string {
  const value = names[name];
  if (value === undefined) throw new Error(`the recording names {${name}}`);
  return String(value);
}

/** Makes the path of a case, with these values for its placeholders. */
export const pathOfCase = ({ path }: SynapseCase, names: Names): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(valueOf(names, name)));

/** Makes the body of a case, with these values for its placeholders. */
export const bodyOfCase = ({ body }: SynapseCase, names: Names): { readonly body?: string } =>
  body === undefined
    ? {}
    : { body: JSON.stringify(body).replaceAll(/\{(\w+)\}/g, (_, name: string) => valueOf(names, name)) };

/** Fields whose keys are chosen by users, so they are not compared. */
const OF_USERS = ['content', 'signatures'];

/**
 * Returns the paths of fields that the recorded answer has, and that the other answer lacks or has with another type. Lists are
 * compared in order.
 */
export function missingFields(recorded: unknown, answered: unknown, path = ''): string[] {
  if (Array.isArray(recorded)) {
    if (!Array.isArray(answered)) return [path];
    return recorded.slice(0, answered.length).flatMap((item, i) => missingFields(item, answered[i], `${path}[${i}]`));
  }
  if (isRecord(recorded)) {
    if (!isRecord(answered)) return [path];
    return Object.entries(recorded).flatMap(([key, value]) =>
      OF_USERS.includes(key) ? [] : missingFields(value, answered[key], `${path}.${key}`),
    );
  }
  return typeof recorded === typeof answered ? [] : [path];
}
