import { createHash, randomUUID } from 'node:crypto';
import { badRequest, ProblemError } from './problem.ts';
import type { ApiKey, State } from './state.ts';
import { expectFields, isObject } from './values.ts';

/** What a caller may do, and which indexes the caller may see. */
export interface Access {
  readonly may: (action: string) => boolean;
  readonly maySee: (indexUid: string) => boolean;
  /** Whether the caller may see all indexes. Only then may the caller see tasks that belong to no index. */
  readonly isGlobal: boolean;
  readonly indexes: readonly string[];
  readonly isMaster: boolean;
}

const EVERYTHING: Access = { may: () => true, maySee: () => true, isGlobal: true, indexes: ['*'], isMaster: true };

const invalidKey = (message = 'The provided API key is invalid.'): ProblemError =>
  new ProblemError(403, 'invalid_api_key', message);

/** Matches actions that a key for single indexes cannot have. */
const GLOBAL_ACTION = /^(?:version|metrics|dumps|snapshots|keys|experimental|network|webhooks|export)\b/;

/** Finds the rights of the key in a request. @throws ProblemError if there is no key, or it is unknown or has expired */
export function authenticate(state: State, masterKey: string | undefined, header: string | undefined): Access {
  if (masterKey === undefined) return EVERYTHING;
  const [scheme, key] = header?.split(' ', 2) ?? [];
  if (scheme !== 'Bearer') {
    const problem = 'The Authorization header is missing. It must use the bearer authorization method.';
    throw new ProblemError(401, 'missing_authorization_header', problem);
  }
  if (key === masterKey) return EVERYTHING;
  const known = state.keys.find((one) => one.key === key);
  if (known === undefined || (known.expiresAt !== null && Date.parse(known.expiresAt) <= Date.now()))
    throw invalidKey();
  return accessOf(known);
}

function accessOf({ actions, indexes }: ApiKey): Access {
  return {
    may: (action) => actions.some((one) => one === '*' || one === action || one === `${action.split('.')[0]}.*`),
    maySee: (uid) => indexes.some((one) => one === uid || (one.endsWith('*') && uid.startsWith(one.slice(0, -1)))),
    isGlobal: indexes.includes('*'),
    indexes,
    isMaster: false,
  };
}

/** Checks an action. @throws ProblemError if the key does not allow the action, or does not allow it for this index */
export function authorise(access: Access, action: string, indexUid?: string): void {
  if (action === 'keys' ? !access.isMaster : !access.may(action)) throw invalidKey();
  if (indexUid === undefined || access.maySee(indexUid)) return;
  const authorised = access.indexes.map((uid) => JSON.stringify(uid)).join(', ');
  throw invalidKey(`The API key cannot acces the index \`${indexUid}\`, authorized indexes are [${authorised}].`);
}

/** Checks that a key allows access to all of these indexes. */
export function expectIndexes(access: Access, indexUids: readonly string[]): void {
  if (!indexUids.every(access.maySee)) throw invalidKey();
}

/** Answers `POST /keys`. */
export function createKey(state: State, masterKey: string | undefined, body: unknown): ApiKey {
  const fields = isObject(body) ? body : {};
  expectFields(fields, ['description', 'name', 'uid', 'actions', 'indexes', 'expiresAt'], '');
  for (const name of ['actions', 'indexes', 'expiresAt']) {
    if (name in fields) continue;
    const code = `missing_api_key_${name === 'expiresAt' ? 'expires_at' : name}`;
    throw badRequest(code, `Missing field \`${name}\``);
  }
  const [actions, indexes] = [stringsOf(fields['actions']), stringsOf(fields['indexes'])];
  const global = actions.find((action) => GLOBAL_ACTION.test(action));
  if (global !== undefined && !indexes.includes('*')) {
    const hint =
      'Hint: remove action `"' + global + '"` from the action list, or remove `indexes` to make the key global';
    const problem = `cannot create index-scoped API key with global action \`"${global}"\`\n  - ${hint}`;
    throw badRequest('index_scoped_api_key_with_global_action', problem);
  }
  const uid = randomUUID();
  const key: ApiKey = {
    uid,
    key: createHash('sha256')
      .update(`${masterKey ?? ''}${uid}`)
      .digest('hex'),
    description: typeof fields['description'] === 'string' ? fields['description'] : null,
    actions,
    indexes,
    expiresAt: typeof fields['expiresAt'] === 'string' ? fields['expiresAt'] : null,
    createdAt: state.now(),
  };
  state.keys.push(key);
  return key;
}

/** Returns a key in the engine's format. */
export function keyView(key: ApiKey): Readonly<Record<string, unknown>> {
  return { name: null, ...key, updatedAt: key.createdAt };
}

const stringsOf = (value: unknown): string[] => (Array.isArray(value) ? value.map(String) : []);
