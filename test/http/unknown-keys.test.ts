import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ROUTES } from '../../src/http/routes.ts';
import type { UserId } from '../../src/ids.ts';
import { operationNamed } from '../../src/operations/operations.ts';
import { USERS } from '../support/dendrite-server.ts';
import { pathOf } from '../support/every-route.ts';
import { jsonOf } from '../support/http-client.ts';
import { ALL_ROUTES, MOUNTS, type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';
import { changesOf } from '../support/recordings.ts';

const WRITING = ROUTES.filter(({ operation }) => operationNamed(operation).effect !== 'read');
const SPELLINGS = ['dryRun', 'dry-run', 'DRY_RUN', 'dryrun', 'dry_run ', 'dry_ru', 'evacuat', 'blok', 'no_such_key'];
const TYPES = [undefined, 'application/json', 'application/x-www-form-urlencoded', 'text/plain', 'multipart/form-data'];

let room: string;

describe.each(MOUNTS)('an unknown key $name', (mount) => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ mount, options: ALL_ROUTES });
    ({ room_id: room } = await plugin.database.db('roomserver_rooms').orderBy('room_nid').first('room_id'));
  });
  afterAll(() => plugin.close());

  it('is refused by every writing route, without effect', async () => {
    const changes = await changesOf(plugin.database.db, () =>
      fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...WRITING),
          fc.constantFrom(...SPELLINGS),
          fc.constantFrom(...TYPES),
          fc.constantFrom('body', 'query'),
          async (route, key, type, place) => {
            const query = place === 'query' ? `?${encodeURIComponent(key)}=true` : '';
            const body = place === 'body' ? JSON.stringify({ [key]: true }) : '{}';
            const answer = await plugin.asAdmin(pathOf(route, room, 'x') + query, {
              method: route.method,
              body,
              headers: type === undefined ? {} : { 'Content-Type': type },
            });
            expect([400, 415]).toContain(answer.status);
          },
        ),
        { numRuns: 300 },
      ),
    );
    expect(changes).toEqual({});
    expect(await plugin.database.db('matrix_admin.jobs')).toEqual([]);
  });

  it('in a body that curl sends without a content type is never ignored', async () => {
    const changes = await changesOf(plugin.database.db, async () => {
      const answer = await plugin.asAdmin(`/_dendrite/admin/purgeRoom/${room}`, {
        method: 'POST',
        body: '{"dry_run":true}',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      });
      const expected = mount.parsesBodies ? [415, 'M_NOT_JSON'] : [200, undefined];
      expect([answer.status, jsonOf(answer)['errcode']]).toEqual(expected);
    });
    expect(changes).toEqual({});
  });
});

describe('the refusal', () => {
  let plugin: MountedPlugin;
  beforeAll(async () => {
    plugin = await mountPlugin({ options: ALL_ROUTES });
  });
  afterAll(() => plugin.close());

  it.each([
    [
      'purgeRoom/!r:x',
      '{"dryRun":true}',
      'unknown parameter "dryRun" in the body: did you mean "dry_run" in the body?',
    ],
    ['purgeRoom/!r:x?dry_run=true', '{}', 'unknown parameter "dry_run" in the query: it belongs in the body'],
    ['purgeRoom/!r:x', '{"evacuat":true,"blok":1}', /"evacuat" .* "evacuate" .*"blok" .* "block"/],
    [
      `resetPassword/${USERS.bob.user_id}`,
      '{"password":"long-enough","dry_run":true}',
      /this operation has no dry run/,
    ],
    ['serverNotices', `{"content":{},"user_id":"${USERS.bob.user_id}"}`, /did you mean "user_ids"/],
    ['downloadState/other.example/!r:x', '{"dry_run":"yes"}', /dry_run/],
  ])('of %s with %s suggests the correct name', async (path, body, error) => {
    const answer = await plugin.asAdmin(`/_dendrite/admin/${path}`, { method: 'POST', body });
    expect(answer.status).toBe(400);
    expect(jsonOf(answer)['error']).toMatch(error);
  });

  it('also applies to GET routes that write', async () => {
    const state = '/_dendrite/admin/downloadState/other.example/!r:x';
    for (const [query, body] of [
      ['?dry_run=yes', ''],
      ['?dryRun=true', ''],
      ['', '{"dry_run":true}'],
    ] as const) {
      const answer = await plugin.asAdmin(state + query, { method: 'GET', body });
      expect([answer.status, jsonOf(answer)['errcode']]).toEqual([400, 'M_INVALID_PARAM']);
    }
  });

  it('accepts the fields that consoles send back with a user', async () => {
    const path = `/_synapse/admin/v2/users/${USERS.bob.user_id}`;
    const user = jsonOf(await plugin.asAdmin(path));
    const record = { ...user, id: user['name'], avatar_src: null, creation_ts_ms: 1 };
    const known = Object.fromEntries(Object.entries(record).filter(([, value]) => value !== null));
    expect((await plugin.asAdmin(path, { method: 'PUT', body: JSON.stringify(known) })).status).toBe(200);
  });

  it('is the same in-process', async () => {
    const { operations } = plugin.admin;
    const caller = { actor: { kind: 'system', name: 'test' } } as const;
    const misspelt = { userId: USERS.bob.user_id, dryrun: true } as unknown as { userId: UserId };
    await expect(operations.deactivateUser(misspelt, caller)).rejects.toMatchObject({
      errcode: 'M_INVALID_PARAM',
      message: expect.stringContaining('dryRun'),
    });
  });
});
