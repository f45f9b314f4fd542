import type { Knex } from 'knex';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { deny } from '../../src/pipeline/hooks.ts';
import { USERS } from '../support/dendrite-server.ts';
import { type MountedPlugin, mountPlugin } from '../support/mounted-plugin.ts';

const ADMIN = '/_dendrite/admin';
const UNKNOWN_TOKEN = 'unknown-token-with-a-secret';
const BODY = 'words of a secret body';
const MESSAGE = 'words of a secret message';
const SECRETS = [...Object.values(USERS).map(({ access_token: token }) => token), UNKNOWN_TOKEN, BODY, MESSAGE];

let plugin: MountedPlugin;
let db: Knex;
beforeAll(async () => {
  plugin = await mountPlugin({ options: { limits: { failedAuthentications: { count: 3, windowMs: 60_000 } } } });
  ({ db } = plugin.database);
});
afterAll(() => plugin.close());

/** Returns all stored traces of the test run, except the search index. */
async function traces(): Promise<string> {
  const tables = ['audit', 'jobs', 'job_ranges', 'rate_limits', 'search_indexes', 'search_changes', 'search_edits'];
  const rows = await Promise.all(tables.map((table) => db(`matrix_admin.${table}`)));
  return JSON.stringify(rows) + plugin.logger.text() + (await plugin.registry.metrics());
}

it('leaves no token and no text of a body in logs, audit, jobs, metrics or answers', async () => {
  const answers: string[] = [];
  const send = async (path: string, options: Parameters<MountedPlugin['request']>[1] = {}): Promise<void> => {
    answers.push(JSON.stringify(await plugin.asAdmin(path, options)));
  };
  const [event] = await db('public.syncapi_output_room_events').where({ type: 'm.room.message' }).select('id').limit(1);
  await db.raw(
    `UPDATE public.syncapi_output_room_events
     SET headered_event_json = jsonb_set(headered_event_json::jsonb, '{content,body}', to_jsonb(?::text))::text WHERE id = ?`,
    [MESSAGE, event.id],
  );
  const body = `{"password":"${BODY}"}`;
  await send(`${ADMIN}/fulltext/reindex`, { method: 'POST', body });
  await send(`${ADMIN}/fulltext/reindex`, { method: 'POST' });
  const { jobs } = await plugin.admin.operations.listJobs({}, { actor: { kind: 'system', name: 'test' } });
  await plugin.admin.jobs.wait(jobs[0]?.id ?? '');
  for (const broken of [`{"${BODY}"`, `["${BODY}"]`, `{"__proto__":"${BODY}"}`]) {
    await send(`${ADMIN}/fulltext/reindex`, { method: 'POST', body: broken });
  }
  for (let n = 0; n < 5; n += 1) {
    answers.push(JSON.stringify(await plugin.request(`${ADMIN}/jobs?access_token=${UNKNOWN_TOKEN}`)));
  }
  answers.push(JSON.stringify(await plugin.request(`${ADMIN}/jobs?access_token=${USERS.alice.access_token}`)));
  await send(`${ADMIN}/jobs?access_token=${UNKNOWN_TOKEN}`);
  await send(`${ADMIN}/${UNKNOWN_TOKEN}`);
  await send(`${ADMIN}/jobs?limit=${UNKNOWN_TOKEN}&state=${UNKNOWN_TOKEN}`);
  await send(`${ADMIN}/jobs/x/cancel`, { method: 'POST', body });
  const unregister = plugin.admin.hooks.before('cancelJob', { name: 'veto' }, () => deny('M_FORBIDDEN', 'no'));
  await send(`${ADMIN}/jobs/${jobs[0]?.id}/cancel`, { method: 'POST' });
  unregister();
  await plugin.admin.events.apply([
    { event_id: '$x', room_id: '!r:x', type: 'm.room.message', content: { body: MESSAGE } },
  ]);
  await db.raw('ALTER TABLE matrix_admin.search_edits RENAME TO gone');
  await send(`${ADMIN}/fulltext/reindex`, { method: 'POST' });
  await expect.poll(() => plugin.logger.text(), { timeout: 10_000 }).toContain('will be tried again');
  await db.raw('ALTER TABLE matrix_admin.gone RENAME TO search_edits');
  await db.raw('ALTER TABLE matrix_admin.audit RENAME TO gone');
  await send(`${ADMIN}/jobs/${jobs[0]?.id}/cancel`, { method: 'POST' });
  await db.raw('ALTER TABLE matrix_admin.gone RENAME TO audit');

  const everything = answers.join('\n') + (await traces());
  for (const secret of SECRETS) expect(everything).not.toContain(secret);
  expect(answers.map((answer) => JSON.parse(answer).status)).toEqual([
    400, 202, 400, 400, 400, 401, 401, 401, 429, 429, 403, 429, 404, 400, 400, 403, 202, 500,
  ]);
  expect(plugin.logger.lines.map(({ level }) => level)).toContain('debug');
});
