import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { RoomId, UserId } from '../../../src/ids.ts';
import type { ApprovableOperation } from '../../../src/operations/approvable-operations.ts';
import type { ApprovalRequest } from '../../../src/pipeline/approvals.ts';
import type { BeforeEvent } from '../../../src/pipeline/hooks.ts';
import server from '../../fixtures/dendrite/server.json' with { type: 'json' };
import { addAccount, addDevice, SERVER_NAME } from '../../support/dendrite-server.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { bearer, type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';

const ADMIN = '/_dendrite/admin';
const AT_ONCE = 30;
const ROOM = '!room:elsewhere.example' as RoomId;
const SYSTEM = { actor: { kind: 'system', name: 'test' } } as const;
const PAST = '2020-01-01T00:00:00Z';
const idOf = (localpart: string): UserId => `@${localpart}:${SERVER_NAME}` as UserId;
const callerOf = (localpart: string) => ({ actor: { kind: 'user', userId: idOf(localpart) } }) as const;

/** Two processes of one homeserver. */
let plugin: MountedPlugin;
let other: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin();
  other = await mountPlugin({ database: plugin.database });
  ({ db } = plugin.database);
  for (const localpart of ['ann', 'ben', 'cat', 'dan']) {
    await addAccount(db, { localpart, accountType: 3 });
    await addDevice(db, { accessToken: `token-of-${localpart}`, localpart });
  }
});
afterAll(async () => {
  await other.close();
  await plugin.close();
});

const offs: (() => void)[] = [];
afterEach(() => {
  for (const off of offs.splice(0)) off();
});
beforeEach(async () => {
  for (const table of ['approvals', 'audit', 'blocked_rooms']) await db(`matrix_admin.${table}`).del();
  await db('userapi_accounts').whereIn('localpart', ['ann', 'ben', 'cat', 'dan']).update({ account_type: 3 });
});

/** Adds a hook in both processes. It demands the approval of a second administrator for the operation. */
function guard(operation: ApprovableOperation, request: ApprovalRequest = { reason: 'as a rule' }) {
  for (const { admin } of [plugin, other]) {
    const off = admin.hooks.before(operation, { name: 'four-eyes' }, (event) =>
      admin.approvals.require(event, request),
    );
    offs.push(off);
  }
}

const send = (
  localpart: string,
  method: 'GET' | 'POST' | 'PUT' | 'DELETE',
  path: string,
  body?: unknown,
  to = plugin,
) =>
  to.request(path, {
    method,
    headers: bearer(`token-of-${localpart}`),
    ...(body !== undefined && { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
const block = (localpart: string, body: unknown = {}, roomId: string = ROOM, to = plugin): Promise<Answer> =>
  send(localpart, 'PUT', `${ADMIN}/blockedRooms/${roomId}`, body, to);
const decide = (localpart: string, id: string, decision: unknown = 'approve', reason?: unknown, to = plugin) =>
  send(localpart, 'POST', `${ADMIN}/approvals/${id}`, { decision, reason }, to);
const list = async (query = '') =>
  jsonOf(await send('dan', 'GET', `${ADMIN}/approvals?${query}`)).approvals as Record<string, unknown>[];
const stateOf = async (id: string) => jsonOf(await send('dan', 'GET', `${ADMIN}/approvals/${id}`)).state;

/** Returns the id of the approval that a refusal names. */
function approvalIdOf(answer: Answer): string {
  const { errcode, approval_id: id } = jsonOf(answer);
  expect([answer.status, errcode, typeof id]).toEqual([403, 'M_FORBIDDEN', 'string']);
  return String(id);
}
const isRefusal = (answer: Answer): boolean => answer.status === 403 && 'approval_id' in jsonOf(answer);

describe('an approval', () => {
  it('lets the caller run the approved operation once', async () => {
    guard('blockRoom', { reason: 'blocks are for two' });
    const refused = await block('ann', { reason: 'spam' });
    const id = approvalIdOf(refused);
    expect(jsonOf(refused).error).toBe('Another administrator must approve this first: blocks are for two');
    expect(await db('matrix_admin.blocked_rooms')).toEqual([]);
    const pending = {
      id,
      operation: 'blockRoom',
      target: ROOM,
      input: { room_id: ROOM, reason: 'spam' },
      reason: 'blocks are for two',
      state: 'pending',
      requested_by: idOf('ann'),
      requested_ts: expect.any(Number),
      request_id: expect.any(String),
      expires_ts: expect.any(Number),
      decided_by: null,
      decided_ts: null,
      decision_reason: null,
      used_ts: null,
      used_request_id: null,
    };
    const [shown] = await list('state=pending');
    expect(shown).toEqual(pending);
    expect(Number(shown?.expires_ts) - Number(shown?.requested_ts)).toBe(86_400_000);

    const decided = await decide('ben', id, 'approve', 'seen it');
    const approved = {
      ...pending,
      state: 'approved',
      decided_by: idOf('ben'),
      decided_ts: expect.any(Number),
      decision_reason: 'seen it',
    };
    expect([decided.status, jsonOf(decided)]).toEqual([200, approved]);
    expect((await block('ann', { reason: 'spam' })).status).toBe(200);
    expect(await list('state=used')).toEqual([
      { ...approved, state: 'used', used_ts: expect.any(Number), used_request_id: expect.any(String) },
    ]);
    expect(approvalIdOf(await block('ann', { reason: 'spam' }))).not.toBe(id);
  });

  it('is named in the audit entries of the refused call, of the decision and of the call that uses it', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    await decide('ben', id);
    await block('ann');
    const { entries } = jsonOf(await send('dan', 'GET', `${ADMIN}/audit`)) as { entries: Record<string, unknown>[] };
    expect(entries.map((e) => [e.operation, e.outcome, e.actor, e.target, e.approval_id])).toEqual([
      ['blockRoom', 'ok', idOf('ann'), ROOM, id],
      ['decideApproval', 'ok', idOf('ben'), id, null],
      ['blockRoom', 'refused', idOf('ann'), ROOM, id],
    ]);
    const [used] = await list('state=used');
    expect([used?.used_request_id, used?.request_id]).toEqual([entries[0]?.request_id, entries[2]?.request_id]);
  });

  it('is requested only once, even if the operation is called several times, over HTTP and in-process', async () => {
    guard('blockRoom');
    const calls = Array.from({ length: AT_ONCE }, (_, n) => block('ann', {}, ROOM, n % 2 === 0 ? plugin : other));
    expect(new Set((await Promise.all(calls)).map(approvalIdOf)).size).toBe(1);
    expect(await list()).toHaveLength(1);
  });

  it('covers nothing but the same operation with the same input for the same administrator', async () => {
    guard('blockRoom');
    guard('unblockRoom');
    const id = approvalIdOf(await block('ann', { reason: 'spam' }));
    await decide('ben', id);
    const others = [
      await block('ann', { reason: 'Spam' }),
      await block('ann'),
      await block('ann', { reason: 'spam' }, '!other:elsewhere.example'),
      await block('cat', { reason: 'spam' }),
      await block('ben', { reason: 'spam' }),
      await send('ann', 'DELETE', `${ADMIN}/blockedRooms/${ROOM}`),
    ];
    expect(new Set([id, ...others.map(approvalIdOf)]).size).toBe(others.length + 1);
    expect(await stateOf(id)).toBe('approved');
  });

  it('does not depend on the order of keys and of calls', async () => {
    guard('setEventReportStatus');
    const path = '/_synapse/admin/v1/event_reports/1';
    const id = approvalIdOf(await send('ann', 'PUT', path, '{"status":"open","note":"a"}'));
    expect(approvalIdOf(await send('ann', 'PUT', path, '{"note":"a","status":"open"}'))).toBe(id);
  });

  it('is not used up by a call that fails', async () => {
    guard('unblockRoom');
    const unblock = () => send('ann', 'DELETE', `${ADMIN}/blockedRooms/${ROOM}`);
    const id = approvalIdOf(await unblock());
    await decide('ben', id);
    expect((await unblock()).status).toBe(404);
    expect(await stateOf(id)).toBe('approved');
    await plugin.admin.operations.blockRoom({ roomId: ROOM }, SYSTEM);
    expect((await unblock()).status).toBe(200);
    expect(await stateOf(id)).toBe('used');
  });

  it('is also needed by code of the homeserver, and any administrator may give it', async () => {
    guard('blockRoom');
    const call = () => plugin.admin.operations.blockRoom({ roomId: ROOM }, SYSTEM);
    await expect(call()).rejects.toMatchObject({ errcode: 'M_FORBIDDEN', fields: { approval_id: expect.any(String) } });
    const [{ id, requested_by: by } = {}] = await list();
    expect(by).toBe('system:test');
    expect((await decide('ann', String(id))).status).toBe(200);
    expect(await call()).toMatchObject({ roomId: ROOM });
  });
});

describe('a dry run', () => {
  it('needs no approval, nor do its parts', async () => {
    guard('purgeRoom');
    guard('blockRoom');
    guard('evacuateRoom');
    const body = { dry_run: true, evacuate: true, block: true };
    expect((await send('ann', 'POST', `${ADMIN}/purgeRoom/${server.rooms.v3}`, body)).status).toBe(200);
    const deletion = { purge: true, block: true, dry_run: true };
    expect((await send('ann', 'DELETE', `/_synapse/admin/v1/rooms/${server.rooms.v3}`, deletion)).status).toBe(200);
    expect(await list()).toEqual([]);
  });
});

describe('the parts of an operation', () => {
  it('have approvals of their own, which one call uses together', async () => {
    guard('purgeRoom');
    guard('evacuateRoom');
    const purge = () => send('ann', 'POST', `${ADMIN}/purgeRoom/${server.rooms.v4}`, { evacuate: true });
    const ids: string[] = [];
    for (const operation of ['evacuateRoom', 'purgeRoom']) {
      const id = approvalIdOf(await purge());
      expect(jsonOf(await decide('ben', id))).toMatchObject({ operation, state: 'approved' });
      ids.push(id);
    }
    expect((await purge()).status).toBe(200);
    expect(await Promise.all(ids.map(stateOf))).toEqual(['used', 'used']);
    const [queued] = await db('matrix_admin.audit').where({ operation: 'purgeRoom', outcome: 'queued' });
    expect(queued.approval_id).toBe(ids[1]);
  });

  it('make a deletion wait for the approval of its purge', async () => {
    guard('purgeRoom');
    const remove = () => send('ann', 'DELETE', `/_synapse/admin/v1/rooms/${server.rooms.v5}`, { purge: true });
    const id = approvalIdOf(await remove());
    expect(await list()).toMatchObject([{ operation: 'purgeRoom', target: server.rooms.v5 }]);
    await decide('ben', id);
    expect((await remove()).status).toBe(200);
    expect(await stateOf(id)).toBe('used');
  });
});

describe('who may decide', () => {
  it('excludes the caller of the operation, however the user id is spelled', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    for (const decision of ['approve', 'deny']) {
      expect(jsonOf(await decide('ann', id, decision)).error).toBe(
        'Another administrator must decide about this approval',
      );
    }
    const { decideApproval } = plugin.admin.operations;
    for (const localpart of ['ann', 'ANN', 'Ann']) {
      const own = decideApproval({ approvalId: id, decision: 'approve' }, callerOf(localpart));
      await expect(own).rejects.toMatchObject({ errcode: 'M_FORBIDDEN', status: 403 });
    }
    expect(await stateOf(id)).toBe('pending');
  });

  it('excludes the caller whose call used another spelling of the user id', async () => {
    guard('blockRoom');
    await expect(plugin.admin.operations.blockRoom({ roomId: ROOM }, callerOf('ANN'))).rejects.toThrow('must approve');
    const [{ id } = {}] = await list();
    expect((await decide('ann', String(id))).status).toBe(403);
    expect((await decide('ben', String(id))).status).toBe(200);
  });

  it('includes only current administrators, and not code of the homeserver', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    const { decideApproval } = plugin.admin.operations;
    await db('userapi_accounts').where({ localpart: 'ben' }).update({ account_type: 1 });
    expect((await decide('ben', id)).status).toBe(403);
    // One of these callers was an administrator when the request came, and is no longer one.
    const late = { actor: { ...callerOf('ben').actor, accountType: 3 } };
    for (const caller of [late, SYSTEM, callerOf('nobody')]) {
      const decision = decideApproval({ approvalId: id, decision: 'approve' }, caller);
      await expect(decision).rejects.toMatchObject({ errcode: 'M_FORBIDDEN', status: 403 });
    }
    expect(await stateOf(id)).toBe('pending');
  });

  it('may include an administrator who is later demoted, but the caller must still be an administrator', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    await decide('ben', id);
    await db('userapi_accounts').whereIn('localpart', ['ann', 'ben']).update({ account_type: 1 });
    const late = { actor: { ...callerOf('ann').actor, accountType: 3 } };
    const { blockRoom } = plugin.admin.operations;
    await expect(blockRoom({ roomId: ROOM }, late)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' });
    expect(await stateOf(id)).toBe('approved');
    await db('userapi_accounts').where({ localpart: 'ann' }).update({ account_type: 3 });
    expect((await block('ann')).status).toBe(200);
  });
});

describe('a decision', () => {
  it('is final', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    await decide('ben', id);
    for (const [localpart, decision] of [
      ['ben', 'approve'],
      ['cat', 'deny'],
    ] as const) {
      const again = await decide(localpart, id, decision);
      expect([again.status, jsonOf(again).errcode, jsonOf(again).error]).toEqual([
        409,
        'M_BAD_STATE',
        'This request is already approved',
      ]);
    }
    await block('ann');
    expect((await decide('cat', id)).status).toBe(409);
  });

  it('is made only once, even if several administrators decide at the same time', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    const decisions = Array.from({ length: AT_ONCE }, (_, n) =>
      decide(n % 3 === 0 ? 'ben' : 'cat', id, n % 2 === 0 ? 'approve' : 'deny', undefined, n % 2 ? plugin : other),
    );
    const statuses = (await Promise.all(decisions)).map(({ status }) => status);
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
    expect(statuses.filter((status) => status === 409)).toHaveLength(AT_ONCE - 1);
  });

  it('to deny the call lasts until the request expires, and the caller sees it', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    await decide('ben', id, 'deny', 'not on a Friday');
    const refused = await block('ann');
    expect(approvalIdOf(refused)).toBe(id);
    expect(jsonOf(refused).error).toBe(`${idOf('ben')} has denied this: not on a Friday`);
    await db('matrix_admin.approvals').update({ expires_at: PAST });
    expect(await stateOf(id)).toBe('denied');
    expect(approvalIdOf(await block('ann'))).not.toBe(id);
  });

  it.each([
    ['no decision', {}],
    ['another word', { decision: 'maybe' }],
    ['a number', { decision: 1 }],
    ['a NUL', { decision: 'approve', reason: 'a\0b' }],
    ['half a surrogate pair', { decision: 'approve', reason: '\ud800' }],
    ['a long reason', { decision: 'approve', reason: 'x'.repeat(1_001) }],
    ['an unknown key', { decision: 'approve', dry_run: true }],
  ])('with %s is refused', async (_, body) => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    expect((await send('ben', 'POST', `${ADMIN}/approvals/${id}`, body)).status).toBe(400);
    expect(await stateOf(id)).toBe('pending');
  });
});

describe('time', () => {
  it('expires a request that nobody has decided', async () => {
    guard('blockRoom');
    const id = approvalIdOf(await block('ann'));
    await db('matrix_admin.approvals').update({ expires_at: PAST });
    expect(await list('state=pending')).toEqual([]);
    expect(await list('state=expired')).toMatchObject([{ id, state: 'expired' }]);
    const late = await decide('ben', id);
    expect([late.status, jsonOf(late).error]).toEqual([409, 'This request has expired']);
    expect(approvalIdOf(await block('ann'))).not.toBe(id);
  });

  it('expires an approval that nobody has used', async () => {
    guard('blockRoom', { reason: 'soon', expiresInMs: 1_000 });
    const id = approvalIdOf(await block('ann'));
    await decide('ben', id);
    await expect.poll(() => stateOf(id)).toBe('expired');
    expect(approvalIdOf(await block('ann'))).not.toBe(id);
  });

  it('deletes approvals together with audit entries of the same age', async () => {
    guard('blockRoom');
    const gone = approvalIdOf(await block('ann'));
    await db('matrix_admin.approvals').update({ expires_at: PAST });
    const kept = approvalIdOf(await block('ann'));
    const third = await mountPlugin({ database: plugin.database, options: { audit: { retentionMs: 1_000 } } });
    await expect.poll(async () => (await list()).map(({ id }) => id)).toEqual([kept]);
    expect((await send('dan', 'GET', `${ADMIN}/approvals/${gone}`)).status).toBe(404);
    await third.close();
  });
});

describe('many calls at the same time', () => {
  it('use an approval of a write once', async () => {
    guard('blockRoom');
    await decide('ben', approvalIdOf(await block('ann')));
    const calls = Array.from({ length: AT_ONCE }, (_, n) => block('ann', {}, ROOM, n % 2 === 0 ? plugin : other));
    const answers = await Promise.all(calls);
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(isRefusal)).toHaveLength(AT_ONCE - 1);
    expect(await db('matrix_admin.audit').where({ operation: 'blockRoom', outcome: 'ok' })).toHaveLength(1);
  });

  it('use an approval of a job once', async () => {
    guard('purgeRoom');
    const purge = (to = plugin) => send('ann', 'POST', `${ADMIN}/purgeRoom/${server.rooms.v6}`, {}, to);
    await decide('ben', approvalIdOf(await purge()));
    const answers = await Promise.all(Array.from({ length: AT_ONCE }, (_, n) => purge(n % 2 === 0 ? plugin : other)));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(answers.filter(isRefusal)).toHaveLength(AT_ONCE - 1);
    expect(await db('matrix_admin.audit').where({ operation: 'purgeRoom', outcome: 'queued' })).toHaveLength(1);
  });

  it('use an approval once, even while it is being decided', async () => {
    guard('blockRoom');
    for (let round = 0; round < 5; round += 1) {
      await db('matrix_admin.audit').del();
      const id = approvalIdOf(await block('ann'));
      const calls = Array.from({ length: AT_ONCE }, (_, n) => block('ann', {}, ROOM, n % 2 === 0 ? plugin : other));
      const [decision, ...answers] = await Promise.all([decide('ben', id), ...calls]);
      expect(decision.status).toBe(200);
      const passed = answers.filter(({ status }) => status === 200).length;
      expect(passed + answers.filter(isRefusal).length).toBe(AT_ONCE);
      expect(passed).toBeLessThanOrEqual(1);
      if (passed === 0) expect((await block('ann')).status).toBe(200);
      expect(await stateOf(id)).toBe('used');
      expect(await db('matrix_admin.audit').where({ operation: 'blockRoom', outcome: 'ok' })).toHaveLength(1);
    }
  });
});

describe('a mistake of the host', () => {
  const logged = () => plugin.logger.text();
  type Require = (event: unknown, request: unknown) => Promise<never>;
  /** Calls `require()` with values that only plain JavaScript can pass. */
  const requireAs = (of: (event: BeforeEvent<'blockRoom'>) => [event: unknown, request: unknown]) =>
    offs.push(
      plugin.admin.hooks.before('blockRoom', { name: 'wrong' }, (event) =>
        (plugin.admin.approvals.require as unknown as Require)(...of(event)),
      ),
    );
  const good = { reason: 'as a rule' };

  it.each<[string, (event: BeforeEvent<'blockRoom'>) => [unknown, unknown], string]>([
    ['a copy of the event', (event) => [{ ...event }, good], 'event must be the object that a before-hook got'],
    ['no event', () => [undefined, good], 'event must be the object that a before-hook got'],
    ['no reason', (event) => [event, undefined], 'reason must be a text of 1 to 1000 characters'],
    ['a reason with a NUL', (event) => [event, { reason: 'a\0' }], 'reason must be a text of 1 to 1000 characters'],
    ['no time', (event) => [event, { ...good, expiresInMs: 0 }], 'expiresInMs must be from 1 to'],
    ['for ever', (event) => [event, { ...good, expiresInMs: Infinity }], 'expiresInMs must be from 1 to'],
    ['a time in words', (event) => [event, { ...good, expiresInMs: '1 day' }], 'expiresInMs must be from 1 to'],
  ])('refuses the call and says why in the log: %s', async (_, of, problem) => {
    requireAs(of);
    const refused = await block('ann');
    expect([refused.status, jsonOf(refused).error]).toEqual([500, 'A check before this operation failed']);
    expect(logged()).toContain(problem);
    expect(await db('matrix_admin.approvals')).toEqual([]);
  });

  it('is refused: an operation whose input may contain a secret', async () => {
    offs.push(
      plugin.admin.hooks.before('resetPassword', { name: 'wrong' }, (event) =>
        (plugin.admin.approvals.require as unknown as Require)(event, good),
      ),
    );
    const refused = await send('ann', 'POST', `${ADMIN}/resetPassword/${idOf('cat')}`, {
      password: 'very-secret-word',
    });
    expect(refused.status).toBe(500);
    expect(logged()).toContain(
      'the input of resetPassword may have a secret, so it cannot wait for an approval. The operations that can are: allowCrossSigningReplacement, blockRoom',
    );
    expect(logged()).not.toContain('very-secret-word');
    expect(await db('matrix_admin.approvals')).toEqual([]);
  });

  it('does not let a call pass that a hook has forgotten to refuse', async () => {
    offs.push(
      plugin.admin.hooks.before('blockRoom', { name: 'forgets' }, async (event) => {
        await plugin.admin.approvals.require(event, good);
        return undefined;
      }),
    );
    const id = approvalIdOf(await block('ann'));
    expect(await db('matrix_admin.blocked_rooms')).toEqual([]);
    await decide('ben', id);
    expect((await block('ann')).status).toBe(200);
  });
});

describe('input', () => {
  it('of any size is compared as a whole', async () => {
    guard('deleteDevices');
    const devices = Array.from({ length: 5_000 }, (_, n) => `DEVICE${n}`);
    const remove = (ids: string[]) =>
      send('ann', 'POST', `/_synapse/admin/v2/users/${idOf('cat')}/delete_devices`, { devices: ids });
    const id = approvalIdOf(await remove(devices));
    expect(approvalIdOf(await remove(devices))).toBe(id);
    expect(approvalIdOf(await remove([...devices.slice(0, -1), 'ANOTHER']))).not.toBe(id);
    await decide('ben', id);
    expect((await remove(devices)).status).toBe(200);
  });
});
