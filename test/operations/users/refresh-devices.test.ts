import { createPublicKey } from 'node:crypto';
import type { Knex } from 'knex';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { FederationSender, Host } from '../../../src/host.ts';
import { isUserId, type UserId } from '../../../src/ids.ts';
import { createQuestions } from '../../../src/reference-host/federation/questions.ts';
import { createSigningKey, SERVER_NAME, USERS } from '../../support/dendrite-server.ts';
import { createAsk, startRemote } from '../../support/federation.ts';
import { type Answer, jsonOf } from '../../support/http-client.ts';
import { type MountedPlugin, mountPlugin } from '../../support/mounted-plugin.ts';
import { changesOf } from '../../support/recordings.ts';
import { crossSigner, crossSigningKey, deviceKeys, deviceSigner, signedBy } from '../../support/remote-devices.ts';
import type { Fault, RemoteServer } from '../../support/remote-server.ts';

const CALLER = { actor: { kind: 'system', name: 'test' } } as const;

let remote: RemoteServer;
let plugin: MountedPlugin;
let db: Knex;
let federation: FederationSender;
const told: string[] = [];
/** Work that the homeserver does while its request to the other server is running. */
let meanwhile: (() => Promise<unknown>) | undefined;
beforeAll(async () => {
  const signingKey = createSigningKey();
  const { keyId, privateKey } = signingKey;
  remote = await startRemote([{ serverName: SERVER_NAME, keyId, publicKey: createPublicKey(privateKey) }]);
  const questions = createQuestions(createAsk({ signingKey }));
  federation = {
    wake: () => {},
    queryDevices: async (request, options) => {
      const answer = await questions.queryDevices(request, options);
      await meanwhile?.();
      return answer;
    },
  };
  plugin = await mountPlugin(settings());
  ({ db } = plugin.database);
});
afterAll(async () => {
  await plugin.close();
  await remote.stop();
});

function settings(): { host: Partial<Host>; options: { limits: { federationRequestMs: number } } } {
  const host: Partial<Host> = {
    federation,
    notifier: { roomsChanged: () => {}, usersChanged: (users) => void told.push(...users) },
  };
  return { host, options: { limits: { federationRequestMs: 300 } } };
}

let users = 0;
/** A user of the other server. Each test has a new one. */
let dora: UserId;
const phone = deviceSigner('PHONE');
const laptop = deviceSigner('LAPTOP');
const master = crossSigner();
const selfSigning = crossSigner();
beforeEach(() => {
  users += 1;
  const userId = `@dora${users}:${remote.name}`;
  if (!isUserId(userId)) throw new Error(userId);
  dora = userId;
});
afterEach(() => {
  remote.fault = undefined;
  meanwhile = undefined;
});

const device = (deviceId: string, keys?: object, name?: string): Record<string, unknown> => ({
  device_id: deviceId,
  ...(keys && { keys }),
  ...(name !== undefined && { device_display_name: name }),
});
/** Sets the answer of the user's server. */
const publish = (devices: readonly object[], more: object = {}): void =>
  void remote.devices.set(dora, { user_id: dora, stream_id: 7, devices, ...more });
const crossSigning = (): object => ({
  master_key: crossSigningKey(dora, 'master', master, phone),
  self_signing_key: crossSigningKey(dora, 'self_signing', selfSigning, master),
});
const publishAll = (): void =>
  publish(
    [
      device('PHONE', deviceKeys(dora, 'PHONE', phone, selfSigning), "Dora's phone"),
      device('LAPTOP', deviceKeys(dora, 'LAPTOP', laptop)),
      device('WITHOUT_KEYS'),
    ],
    crossSigning(),
  );

const refresh = (userId: string = dora, body: object = {}): Promise<Answer> =>
  plugin.asAdmin(`/_dendrite/admin/refreshDevices/${encodeURIComponent(userId)}`, {
    method: 'POST',
    body: JSON.stringify(body),
  });
const rowsOf = (table: string, columns: readonly string[], owner = 'user_id'): Promise<Record<string, unknown>[]> =>
  db(`public.${table}`)
    .where(owner, dora)
    .orderBy(columns[0] ?? owner)
    .select(...columns);
const devicesHere = async (): Promise<unknown[]> =>
  (await rowsOf('keyserver_device_keys', ['device_id'])).map(({ device_id: id }) => id);
const staleOf = async (): Promise<unknown> =>
  (await db('public.keyserver_stale_device_lists').where('user_id', dora).first())?.is_stale;

const answer = (status: number, body: string): Fault => ({ kind: 'answer', status, body });
/** Returns all keys of the user that this homeserver has stored. */
const keysHere = (): Promise<unknown> =>
  Promise.all(
    ['device_keys', 'cross_signing_keys', 'cross_signing_sigs', 'key_changes', 'stale_device_lists'].map((table) =>
      db(`public.keyserver_${table}`),
    ),
  );

describe('refreshDevices', () => {
  it('stores the keys of an unknown user', async () => {
    publishAll();
    told.length = 0;
    const done = await refresh();
    expect([done.status, jsonOf(done)]).toEqual([200, {}]);
    expect(remote.refused).toEqual([]);
    const columns = ['device_id', 'stream_id', 'display_name', 'key_json'];
    const rows = await rowsOf('keyserver_device_keys', columns);
    expect(rows.map(({ key_json: json, ...row }) => ({ ...row, keys: JSON.parse(String(json)) }))).toEqual([
      { device_id: 'LAPTOP', stream_id: '7', display_name: '', keys: deviceKeys(dora, 'LAPTOP', laptop) },
      {
        device_id: 'PHONE',
        stream_id: '7',
        display_name: "Dora's phone",
        keys: deviceKeys(dora, 'PHONE', phone, selfSigning),
      },
    ]);
    const encoded = ({ keyId }: { keyId: string }): string => keyId.slice('ed25519:'.length);
    expect(await rowsOf('keyserver_cross_signing_keys', ['key_type', 'key_data'])).toEqual([
      { key_type: 1, key_data: encoded(master) },
      { key_type: 2, key_data: encoded(selfSigning) },
    ]);
    const signatures = await db('public.keyserver_cross_signing_sigs').where('target_user_id', dora);
    expect(signatures).toHaveLength(2);
    expect(signatures).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ origin_user_id: dora, origin_key_id: phone.keyId, target_key_id: master.keyId }),
        expect.objectContaining({ origin_key_id: master.keyId, target_key_id: selfSigning.keyId }),
      ]),
    );
    expect(await rowsOf('keyserver_key_changes', ['user_id'])).toHaveLength(1);
    expect(await staleOf()).toBe(false);
    await expect.poll(() => told).toContain(dora);
  });

  it("accepts a user without cross-signing keys, in Dendrite's format", async () => {
    const devices = [device('PHONE', deviceKeys(dora, 'PHONE', phone))];
    publish(devices, { master_key: null, self_signing_key: null });
    expect((await refresh()).status).toBe(200);
    expect(await devicesHere()).toEqual(['PHONE']);
    expect(await rowsOf('keyserver_cross_signing_keys', ['key_type'])).toEqual([]);
  });

  it('deletes keys that the user no longer has', async () => {
    publishAll();
    await refresh();
    const keys = { user_id: dora, key_id: 'k', ts_added_secs: 1, key_json: '{}' };
    for (const device_id of ['PHONE', 'LAPTOP']) {
      await db('keyserver_one_time_keys').insert({ ...keys, device_id, algorithm: 'a' });
      await db('keyserver_fallback_keys').insert({ ...keys, device_id, algorithm: 'a', used: false });
    }
    const [before] = await rowsOf('keyserver_key_changes', ['change_id']);
    publish([device('PHONE', deviceKeys(dora, 'PHONE', phone), 'renamed')]);
    expect((await refresh()).status).toBe(200);
    expect(await rowsOf('keyserver_device_keys', ['device_id', 'display_name'])).toEqual([
      { device_id: 'PHONE', display_name: 'renamed' },
    ]);
    for (const table of ['keyserver_one_time_keys', 'keyserver_fallback_keys']) {
      expect(await rowsOf(table, ['device_id']), table).toEqual([{ device_id: 'PHONE' }]);
    }
    expect(await rowsOf('keyserver_cross_signing_keys', ['key_type'])).toEqual([]);
    expect(await db('public.keyserver_cross_signing_sigs').where('target_user_id', dora)).toEqual([]);
    const [after] = await rowsOf('keyserver_key_changes', ['change_id']);
    expect(Number(after?.['change_id'])).toBeGreaterThan(Number(before?.['change_id']));
  });

  it('has no effect as a dry run', async () => {
    publishAll();
    const changes = await changesOf(db, async () => {
      expect(jsonOf(await refresh(dora, { dry_run: true }))).toEqual({ devices: 2, removed: 0, dry_run: true });
    });
    expect(changes).toEqual({});
    for (const fault of [{ kind: 'reset' } as const, answer(429, '{"errcode":"M_LIMIT_EXCEEDED"}')]) {
      remote.fault = () => fault;
      expect((await refresh(dora, { dry_run: true })).status).toBe(504);
    }
    expect(await staleOf()).toBeUndefined();
  });

  it.each<[string, () => object[]]>([
    ['of another user', () => [device('PHONE', deviceKeys(USERS.bob.user_id, 'PHONE', phone))]],
    ['of another device', () => [device('OTHER', deviceKeys(dora, 'PHONE', phone))]],
    [
      'changed after they were signed',
      () => [device('PHONE', { ...deviceKeys(dora, 'PHONE', phone), algorithms: [] })],
    ],
    ['signed by another key', () => [device('PHONE', signedBy(dora, deviceKeys(dora, 'PHONE', phone), laptop))]],
    ['not signed', () => [device('PHONE', signedBy(dora, deviceKeys(dora, 'PHONE', phone)))]],
    ['without a signing key', () => [device('PHONE', signedBy(dora, { user_id: dora, device_id: 'PHONE' }, phone))]],
    ['too long', () => [device('PHONE', longKeys())]],
    ['not keys at all', () => [device('PHONE', { keys: { 'ed25519:PHONE': 'AAAA' } })]],
    [
      'of a device that is there twice',
      () => [device('LAPTOP', deviceKeys(dora, 'LAPTOP', laptop)), device('LAPTOP', deviceKeys(dora, 'LAPTOP', phone))],
    ],
  ])('leaves out keys that are %s, and reports it', async (_title, devices) => {
    const good = device('LAPTOP', deviceKeys(dora, 'LAPTOP', laptop));
    const published = devices();
    publish(published.length > 1 ? published : [...published, good]);
    const done = await refresh();
    expect([done.status, jsonOf(done)]).toEqual([200, { devices: 1, removed: 0, left_out: 1 }]);
    expect(await devicesHere()).toEqual(['LAPTOP']);
  });

  const longKeys = (): object => {
    const { signatures: _signatures, ...keys } = deviceKeys(dora, 'PHONE', phone);
    return signedBy(dora, { ...keys, more: 'x'.repeat(65_536) }, phone);
  };

  it('drops signatures that were not made by a key of the user', async () => {
    const keys = deviceKeys(dora, 'PHONE', phone);
    const masterKey = crossSigningKey(dora, 'master', master, phone);
    const meddled = (object: Record<string, unknown>): object => {
      const own = (object['signatures'] as Record<string, Record<string, string>>)[dora];
      // Base64 decoders ignore a NUL, but PostgreSQL cannot store it.
      const good = { [phone.keyId]: `${own?.[phone.keyId]}\0` };
      const signatures = { [dora]: { ...good, [selfSigning.keyId]: 'A'.repeat(86) }, [USERS.bob.user_id]: { a: 'b' } };
      return { ...object, unsigned: { a: 1 }, signatures };
    };
    publish([device('PHONE', meddled(keys))], { ...crossSigning(), master_key: meddled(masterKey) });
    expect((await refresh()).status).toBe(200);
    const [row] = await rowsOf('keyserver_device_keys', ['key_json']);
    expect(JSON.parse(String(row?.['key_json']))).toEqual(keys);
    const ofMaster = await db('public.keyserver_cross_signing_sigs').where('target_key_id', master.keyId);
    expect(ofMaster.filter((one) => one.target_user_id === dora)).toMatchObject([
      { origin_user_id: dora, origin_key_id: phone.keyId, signature: expect.not.stringContaining('=') },
    ]);
  });

  it.each<[string, () => object]>([
    ['a master key of another user', () => ({ master_key: crossSigningKey('@x:y', 'master', master) })],
    ['a master key of another usage', () => ({ master_key: crossSigningKey(dora, 'self_signing', master) })],
    ['a master key named otherwise', () => ({ master_key: crossSigningKey(dora, 'master', phone) })],
    [
      'a self-signing key that the master key has not signed',
      () => ({ ...crossSigning(), self_signing_key: crossSigningKey(dora, 'self_signing', selfSigning, phone) }),
    ],
    [
      'a self-signing key without a master key',
      () => ({ self_signing_key: crossSigningKey(dora, 'self_signing', selfSigning, master) }),
    ],
    ['an answer for another user', () => ({ user_id: '@somebody:else' })],
    ['no stream id', () => ({ stream_id: 'x' })],
    ['a stream id below 0', () => ({ stream_id: -1 })],
    ['no list', () => ({ devices: { length: 1 } })],
    [
      'too many devices',
      () => ({ devices: Array.from({ length: 2_001 }, (_item, i) => ({ device_id: `D${i}`, keys: {} })) }),
    ],
  ])('refuses %s, and changes nothing', async (_title, more) => {
    publish([device('PHONE', deviceKeys(dora, 'PHONE', phone))], more());
    const before = await keysHere();
    const refusal = await refresh();
    expect([refusal.status, jsonOf(refusal).errcode]).toEqual([502, 'M_UNKNOWN']);
    expect(await keysHere()).toEqual(before);
  });

  it.each<[string, Fault, number, string]>([
    ['does not know the user', answer(404, '{"errcode":"M_NOT_FOUND"}'), 404, 'M_NOT_FOUND'],
    ['refuses', answer(403, '{"errcode":"M_FORBIDDEN"}'), 403, 'M_FORBIDDEN'],
    ['answers with a page', answer(200, '<html>'), 502, 'M_UNKNOWN'],
    ['answers with nothing', answer(200, '{}'), 502, 'M_UNKNOWN'],
  ])('reports that the server %s, and changes nothing', async (_title, fault, status, errcode) => {
    remote.fault = () => fault;
    const before = await keysHere();
    const refusal = await refresh();
    expect([refusal.status, jsonOf(refusal).errcode]).toEqual([status, errcode]);
    await expect(plugin.admin.operations.refreshDevices({ userId: dora }, CALLER)).rejects.toMatchObject({ errcode });
    expect(await keysHere()).toEqual(before);
  });

  it.each<[string, Fault]>([
    ['is silent', { kind: 'silent' }],
    ['is behind a proxy that does not reach it', answer(502, '<html>')],
  ])('answers 202 if the server %s, marks the user, and resumes when the server is back', async (_title, fault) => {
    publishAll();
    remote.fault = () => fault;
    const accepted = await refresh();
    const location = `/_dendrite/admin/jobs/${String(jsonOf(accepted).job_id)}`;
    expect([accepted.status, accepted.headers.location]).toEqual([202, location]);
    expect(await staleOf()).toBe(true);
    expect(await devicesHere()).toEqual([]);
    const inProcess = plugin.admin.operations.refreshDevices({ userId: dora }, CALLER);
    remote.fault = undefined;
    expect(await inProcess).toEqual({ devices: 2, removed: 0 });
    expect(await staleOf()).toBe(false);
    expect(jsonOf(await plugin.asAdmin(location)).state).toBe('succeeded');
  });

  it('is one job for two processes that start it at once', async () => {
    const other = await mountPlugin({ ...settings(), database: plugin.database });
    try {
      publishAll();
      remote.fault = () => ({ kind: 'silent' });
      const path = `/_dendrite/admin/refreshDevices/${dora}`;
      const answers = await Promise.all([plugin, other].map((one) => one.asAdmin(path, { method: 'POST' })));
      expect(answers.map(({ status }) => status)).toEqual([202, 202]);
      expect(new Set(answers.map((one) => jsonOf(one).job_id)).size).toBe(1);
      remote.fault = undefined;
      expect(await other.admin.operations.refreshDevices({ userId: dora }, CALLER)).toEqual({ devices: 2, removed: 0 });
    } finally {
      await other.close();
    }
  });

  it.each([false, true])(
    'does not overwrite keys that the homeserver has received in the meantime (dry run: %s)',
    async (dryRun) => {
      publishAll();
      await db('public.keyserver_key_changes').insert({ user_id: dora });
      meanwhile = async () => {
        meanwhile = undefined;
        publish([device('LAPTOP', deviceKeys(dora, 'LAPTOP', laptop))]);
        const change_id = db.raw(`nextval('public.keyserver_key_changes_seq')`);
        await db('public.keyserver_key_changes').where('user_id', dora).update({ change_id });
      };
      const done = await refresh(dora, { dry_run: dryRun });
      expect([done.status, jsonOf(done)]).toEqual([200, dryRun ? { devices: 1, removed: 0, dry_run: true } : {}]);
      expect(await devicesHere()).toEqual(dryRun ? [] : ['LAPTOP']);
    },
  );

  it('waits for keys that the homeserver is just writing, also of a user without earlier keys', async () => {
    publishAll();
    const writing = await db.transaction();
    meanwhile = async () => {
      meanwhile = undefined;
      publish([device('LAPTOP', deviceKeys(dora, 'LAPTOP', laptop))]);
      await writing('public.keyserver_key_changes').insert({ user_id: dora });
    };
    const done = refresh(dora);
    const isBlocked = async (): Promise<boolean> =>
      (await db('pg_locks').where({ granted: false, locktype: 'transactionid' })).length > 0;
    try {
      await expect.poll(isBlocked).toBe(true);
    } finally {
      await writing.commit();
    }
    expect((await done).status).toBe(200);
    expect(await devicesHere()).toEqual(['LAPTOP']);
  });

  it.each([
    ['a local user', USERS.alice.user_id],
    ['an invalid user id', 'dora'],
  ])('is refused for %s', async (_title, userId) => {
    const refusal = await refresh(userId);
    expect([refusal.status, jsonOf(refusal).errcode]).toEqual([400, 'M_INVALID_PARAM']);
  });

  it('is refused if the homeserver sends no requests to other servers', async () => {
    const lonely = await mountPlugin({ database: plugin.database, host: { federation: { wake: () => {} } } });
    const refusal = await lonely.asAdmin(`/_dendrite/admin/refreshDevices/${dora}`, { method: 'POST' });
    await lonely.close();
    expect([refusal.status, jsonOf(refusal).errcode]).toEqual([400, 'M_BAD_STATE']);
  });
});
