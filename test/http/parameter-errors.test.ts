import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { ParameterError } from '../../src/errors.ts';
import { nameInRequest, type Route, type RouteRequest } from '../../src/http/route.ts';
import { ROUTES } from '../../src/http/routes.ts';
import { OPERATIONS, type OperationName, operationNamed } from '../../src/operations/operations.ts';
import { SERVER_NAME } from '../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

/** Values for request keys. No value is right for every key, and for every key at least one value is wrong. */
const WRONG_BODY: readonly unknown[] = [{ a: { b: 1 } }, ['\0'], '\0', 'x', 5, -0.5, true, null];
const WRONG_QUERY = ['\0', 'x', '-1', '0.5', '9'.repeat(20)];
const USER = `@nobody:${SERVER_NAME}`;
/**
 * Correct values, by the names that parameters have in code. A request gets them for required parameters, beside one wrong
 * value. The room and the user do not exist, so nothing happens even if that value is correct after all.
 */
const RIGHT: Readonly<Record<string, string | number | boolean | object>> = {
  roomId: `!nowhere:${SERVER_NAME}`,
  userId: USER,
  reporter: USER,
  serverName: 'other.example',
  destination: 'other.example',
  eventId: '$nothing',
  deviceId: 'x',
  devices: [],
  reportId: 999,
  deleteId: 'x',
  purgeId: 'x',
  redactId: 'x',
  rooms: [`!nowhere:${SERVER_NAME}`],
  jobName: 'reindexFulltext',
  jobId: '01234567-89ab-4def-8123-456789abcdef',
  approvalId: '01234567-89ab-4def-8123-456789abcdef',
  decision: 'deny',
  token: 'x',
  nonce: 'x',
  username: 'x',
  medium: 'email',
  address: 'x',
  provider: 'x',
  externalId: 'x',
  term: 'x',
  since: 0,
  password: 'x',
  mac: 'x',
  status: 'open',
  admin: false,
  locked: false,
  suspended: false,
  shadowBanned: false,
  features: {},
  block: false,
  content: { msgtype: 'm.text', body: 'x' },
  time: 1,
  operation: 'deactivateUser',
  published: false,
  mediaId: 'x',
  origin: SERVER_NAME,
  quarantined: false,
  protected: false,
  beforeTs: 2_000_000_000_000,
};

/** Returns the required parameters of an operation, with correct values. */
function requiredOf(name: OperationName): Record<string, unknown> {
  const { shape } = operationNamed(name).input as z.ZodObject;
  const required = Object.keys(shape).filter((key) => !(shape[key] as z.ZodType).safeParse(undefined).success);
  return Object.fromEntries(required.map((key) => [key, RIGHT[key]]));
}

let plugin: MountedPlugin;
beforeAll(async () => {
  plugin = await mountPlugin({ options: ALL_ROUTES });
});
afterAll(() => plugin.close());

interface Keys {
  readonly body: readonly string[];
  readonly query: readonly string[];
}

/** Returns the keys of the body and the query that a route reads. */
function keysOf(route: Route): Keys {
  const read = { body: new Set<string>(), query: new Set<string>() };
  const watch = (keys: Set<string>): Record<string, string> =>
    new Proxy<Record<string, string>>({}, { get: (_target, key) => void keys.add(String(key)) });
  const request: RouteRequest = {
    params: {},
    query: watch(read.query),
    valuesOf: (key) => void read.query.add(key),
    body: watch(read.body),
    address: '',
    userAgent: '',
    respondAsync: false,
    urlOf: (path) => path,
  };
  route.input(request);
  return { body: [...read.body], query: [...read.query] };
}

const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : 'x';

const pathOf = ({ path }: Route): string =>
  path.replaceAll(/[:*](\w+)/g, (_part, name: string) => encodeURIComponent(textOf(RIGHT[name])));

/** Returns the required parameters that belong in the body or the query of a request, with correct values. */
function requiredIn(place: keyof Keys, route: Route): Record<string, unknown> {
  const keys = keysOf(route)[place];
  const required = Object.entries(requiredOf(route.operation)).map(([key, value]) => [
    nameInRequest(route, key),
    value,
  ]);
  const plan = place === 'body' && route.operation === 'planBulk' && { dry_run: true };
  return { ...Object.fromEntries(required.filter(([key]) => keys.includes(String(key)))), ...plan };
}

const send = (
  route: Route,
  { body = {}, query = {}, path = pathOf(route) }: { body?: object; query?: object; path?: string },
): Promise<Answer> => {
  const asked = Object.entries({ ...requiredIn('query', route), ...query });
  const search = new URLSearchParams(asked.map(([key, value]): [string, string] => [key, textOf(value)]));
  return plugin.asAdmin(`${path}?${search.toString()}`, {
    method: route.method,
    ...(route.method !== 'GET' && { body: JSON.stringify({ ...requiredIn('body', route), ...body }) }),
  });
};

/** Returns the errors about a key. Fails if an error calls the parameter by another name. */
function complaintsOf(key: string, answers: readonly Answer[]): string[] {
  const texts = answers.filter(({ status }) => status === 400).map((answer) => String(jsonOf(answer).error));
  for (const text of texts) {
    const [, named] = /parameter "([^".]+)/.exec(text) ?? [];
    if (named !== undefined) expect(named, text).toBe(key);
  }
  return texts.filter((text) => text.includes(`"${key}`));
}

const named = ROUTES.map((route) => [`${route.method} ${route.path}`, route] as const);

describe('a wrong value', () => {
  it.each(named)('of a key in %s is reported under the name that was sent', async (_title, route) => {
    const { effect } = operationNamed(route.operation);
    const { body, query } = keysOf(route);
    for (const key of effect === 'read' ? [] : body) {
      const answers: Answer[] = [];
      for (const value of WRONG_BODY) answers.push(await send(route, { body: { [key]: value } }));
      expect(complaintsOf(key, answers), `no value of "${key}" was refused`).not.toEqual([]);
    }
    for (const key of query) {
      const answers: Answer[] = [];
      for (const value of WRONG_QUERY) answers.push(await send(route, { query: { [key]: value } }));
      expect(complaintsOf(key, answers), `no value of "${key}" was refused`).not.toEqual([]);
    }
  });

  it.each(named)('in the path of %s is reported under the name in the template', async (_title, route) => {
    for (const [, name = ''] of route.path.matchAll(/[:*](\w+)/g)) {
      const path = pathOf({ ...route, path: route.path.replace(`:${name}`, '%00').replace(`*${name}`, '%00') });
      const answer = await send(route, { path });
      if (answer.status !== 400) continue;
      expect(jsonOf(answer).error).toContain(`parameter "${name}"`);
    }
  });

  it.each(Object.keys(OPERATIONS) as OperationName[])(
    'in-process in %s is reported under its name in code',
    async (name) => {
      const { input } = operationNamed(name);
      expect(input).toBeInstanceOf(z.ZodObject);
      const call = plugin.admin.operations[name] as (input: unknown, caller: unknown) => Promise<unknown>;
      for (const key of Object.keys((input as z.ZodObject).shape)) {
        const called: string[] = [];
        for (const value of WRONG_BODY) {
          const error: unknown = await call(
            { ...requiredOf(name), [key]: value },
            { actor: { kind: 'system', name: 'test' } },
          ).catch((thrown: unknown) => thrown);
          if (error instanceof ParameterError) called.push(error.path[0] ?? '');
        }
        expect([...new Set(called)]).toEqual([key]);
      }
    },
  );
});

/** Values that are wrong only in combination with another value, or because of the stored data. */
const CONFLICTS: readonly [string, OperationName, object, string, string][] = [
  ['a time in the past', 'createRegistrationToken', { expiryTime: 5 }, 'expiryTime', 'expiry_time'],
  ['a time in the past', 'updateRegistrationToken', { expiryTime: 5 }, 'expiryTime', 'expiry_time'],
  ['a room name without a new room', 'deleteRoom', { roomName: 'x' }, 'roomName', 'room_name'],
  ['a message without a new room', 'deleteRoom', { message: 'x' }, 'message', 'message'],
  ['an unknown user', 'deleteRoom', { newRoomUserId: USER }, 'newRoomUserId', 'new_room_user_id'],
  ['a token of another list', 'listUsers', { from: '9'.repeat(30) }, 'from', 'from'],
  ['an unknown job', 'listJobs', { from: RIGHT['jobId'] }, 'from', 'from'],
  ['an unknown approval', 'listApprovals', { from: RIGHT['approvalId'] }, 'from', 'from'],
];

describe('a value that conflicts with another one or with the data', () => {
  it.each(CONFLICTS)(
    '%s for %s %j is reported under the name that was sent',
    async (_what, name, input, code, sent) => {
      const call = plugin.admin.operations[name] as (input: unknown, caller: unknown) => Promise<unknown>;
      const called = call({ ...requiredOf(name), ...input }, { actor: { kind: 'system', name: 'test' } });
      await expect(called).rejects.toMatchObject({ message: expect.stringContaining(`parameter "${code}"`) });
      for (const route of ROUTES.filter(({ operation }) => operation === name)) {
        const given = Object.fromEntries(
          Object.entries(input).map(([key, value]) => [nameInRequest(route, key), value]),
        );
        const answer = await send(route, route.method === 'GET' ? { query: given } : { body: given });
        expect([answer.status, jsonOf(answer).error]).toEqual([400, expect.stringContaining(`parameter "${sent}"`)]);
      }
    },
  );
});
