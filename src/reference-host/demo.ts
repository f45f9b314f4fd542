import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { pino } from 'pino';
import { z } from 'zod';
import { isRoomId, isServerName, isUserId } from '../index.ts';
import { privateKeyOf } from '../matrix/index.ts';
import { postgresSearch } from '../search/postgres/index.ts';
import { createProgress, movedMetrics, progressLine } from './demo-output.ts';
import { startEmbeddedPostgres } from './embedded-postgres.ts';
import { explainExit } from './explain-exit.ts';
import { createHomeserver, type Homeserver } from './homeserver.ts';
import { loadSqlDump } from './load-sql-dump.ts';
import { logDestination } from './log-destination.ts';
import { requireNode } from './require-node.ts';
import { generateSampleEvents } from './sample-events.ts';
import { stopSignals } from './stop-signals.ts';

/** The number of messages that the demo creates. The tests set `DEMO_EVENTS` to a smaller number. */
const EVENTS = Number(process.env['DEMO_EVENTS'] ?? 69_586);
const STAYS = process.argv.includes('--stay');
const SEED = 20_260_101;
const PORT = Number(process.env['PORT'] ?? 8008);
const POLL_MS = 200;
const SEARCHES = [
  ['Chinese', '数据库'],
  ['Japanese', '会議'],
  ['English', 'telescope'],
] as const;
const FIXTURE = new URL('../../test/fixtures/dendrite/', import.meta.url);

const userSchema = z.object({ user_id: z.custom<string>().refine(isUserId), password: z.string() });
const recordingSchema = z.object({
  server_name: z.custom<string>().refine(isServerName),
  signing_key: z.object({ key_id: z.string(), seed_base64: z.string() }),
  users: z.object({ admin: userSchema, alice: userSchema, bob: userSchema }),
  rooms: z.object({ v9: z.custom<string>().refine(isRoomId), v10: z.custom<string>().refine(isRoomId) }),
});
type Recording = z.output<typeof recordingSchema>;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

interface Client {
  /**
   * Sends a request, with the access token if there is one. Returns the body of the answer: parsed if it is JSON, otherwise as
   * a text.
   * @throws Error if the answer's status is not 2xx
   */
  readonly call: (method: string, path: string, body?: unknown) => Promise<unknown>;
  /** The access token. `undefined` before the login. */
  readonly token: string | undefined;
}

function createClient(origin: string, token?: string): Client {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  return {
    token,
    call: async (method, path, body) => {
      const init = body === undefined ? { method, headers } : { method, headers, body: JSON.stringify(body) };
      const response = await fetch(new URL(path, origin), init);
      const text = await response.text();
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
      return response.headers.get('content-type')?.startsWith('application/json') ? JSON.parse(text) : text;
    },
  };
}

async function logIn(origin: string, { user_id: user, password }: Recording['users']['admin']): Promise<Client> {
  const identifier = { type: 'm.id.user', user };
  const answer = await createClient(origin).call('POST', '/_matrix/client/v3/login', {
    type: 'm.login.password',
    identifier,
    password,
  });
  return createClient(origin, z.object({ access_token: z.string() }).parse(answer).access_token);
}

const jobSchema = z.looseObject({
  state: z.string(),
  phase: z.string().nullable(),
  done: z.number(),
  total: z.number().nullable(),
  percent: z.number().nullable(),
  rate: z.number().nullable(),
  eta_ms: z.number().nullable(),
  finished_ts: z.number().nullable(),
  error: z.string().nullable(),
  result: z.looseObject({ documents: z.number(), duration_ms: z.number() }).nullable(),
});
type ReindexJob = z.output<typeof jobSchema>;

async function reindex(admin: Client): Promise<ReindexJob> {
  const started = await admin.call('POST', '/_dendrite/admin/fulltext/reindex', {});
  const { job_id: id } = z.object({ job_id: z.string() }).parse(started);
  const progress = createProgress(process.stdout);
  for (;;) {
    const job = jobSchema.parse(await admin.call('GET', `/_dendrite/admin/jobs/${id}`));
    if (job.finished_ts !== null) {
      progress.end(progressLine(job));
      if (job.state === 'succeeded') return job;
      throw new Error(`the reindex ${job.state}: ${job.error}`);
    }
    progress.show(progressLine(job));
    await delay(POLL_MS);
  }
}

const resultsSchema = z.object({
  search_categories: z.object({
    room_events: z.object({
      count: z.int(),
      results: z.array(z.object({ result: z.object({ sender: z.string(), content: z.object({ body: z.string() }) }) })),
    }),
  }),
});

async function search(member: Client, language: string, term: string): Promise<void> {
  const startedAt = performance.now();
  const answer = await member.call('POST', '/_matrix/client/v3/search', {
    search_categories: { room_events: { search_term: term, order_by: 'recent', filter: { limit: 3 } } },
  });
  const { count, results } = resultsSchema.parse(answer).search_categories.room_events;
  const ms = (performance.now() - startedAt).toFixed(0);
  say(`\n${language}: "${term}" is in ${count.toLocaleString('en')} messages (${ms} ms). The newest:`);
  for (const { result } of results) say(`  ${result.sender}: ${result.content.body}`);
  if (results.length === 0) throw new Error(`"${term}" was not found`);
}

async function demonstrate(homeserver: Homeserver, { users, rooms }: Recording): Promise<void> {
  const origin = `http://127.0.0.1:${await homeserver.listen(STAYS ? PORT : 0)}`;
  say(`A homeserver with the admin API is at ${origin}`);
  say('Loading the recorded data …');
  await loadSqlDump(homeserver.db, await readFile(new URL('data.sql', FIXTURE), 'utf8'));
  const senders = [users.alice.user_id, users.bob.user_id] as const;
  const sampleRooms = [
    { roomId: rooms.v9, senders },
    { roomId: rooms.v10, senders },
  ] as const;
  say(`Creating ${EVENTS.toLocaleString('en')} messages …`);
  await generateSampleEvents(homeserver.db, { count: EVENTS, rooms: sampleRooms, seed: SEED });
  say(`It has the recorded data and ${EVENTS.toLocaleString('en')} messages, none of them indexed yet.\n`);

  const admin = await logIn(origin, users.admin);
  const before = String(await admin.call('GET', '/metrics'));
  say('POST /_dendrite/admin/fulltext/reindex');
  const job = await reindex(admin);
  if (job.result !== null) {
    // Dendrite writes the same line to its log after a reindex.
    say(`Indexed ${job.result.documents} events in ${(job.result.duration_ms / 1_000).toFixed(3)}s`);
  }
  const member = await logIn(origin, users.alice);
  for (const [language, term] of SEARCHES) await search(member, language, term);
  say(`\nThe job:\n${JSON.stringify(job, null, 2)}`);
  const moved = movedMetrics(before, String(await admin.call('GET', '/metrics')));
  say(`\nMetrics that changed:\n${moved.map((line) => `  ${line}`).join('\n')}`);
  if (!STAYS) return say('\nTry next: npm run demo -- --stay keeps the homeserver up, for the console and for curl.');
  say(openDoor(origin, admin.token));
  await new Promise(() => {});
}

/**
 * Returns the text that the demo shows before it waits for Ctrl-C: the address of the console, an access token, and three
 * commands to copy.
 */
function openDoor(origin: string, token = ''): string {
  const curl = `curl -H "Authorization: Bearer ${token}"`;
  return `
The homeserver stays up until you press Ctrl-C.

The console: ${origin}/_dendrite/admin/console
Its token:   ${token}

  ${curl} '${origin}/_synapse/admin/v1/rooms?limit=3'
  ${curl} '${origin}/_dendrite/admin/jobs?limit=1'
  ${curl} -X POST -H 'Content-Type: application/json' -d '{}' ${origin}/_dendrite/admin/fulltext/reindex`;
}

/**
 * Returns a promise that never resolves. The promise rejects when the process must stop, so that the `finally` blocks of the
 * demo stop its homeserver and its database.
 */
function interruption(): Promise<never> {
  const interrupted = stopSignals().then((reason): never => {
    throw new Error(`stopped by ${reason}`);
  });
  // A signal may arrive before the caller awaits the promise. Without this handler, Node would report an unhandled rejection.
  interrupted.catch(() => {});
  return interrupted;
}

async function runOn(databaseUrl: string, recording: Recording, interrupted: Promise<never>): Promise<void> {
  const { server_name: serverName, signing_key: key } = recording;
  const privateKey = privateKeyOf(Buffer.from(key.seed_base64, 'base64'));
  const homeserver = createHomeserver({
    databaseUrl,
    signingKey: { serverName, keyId: key.key_id, privateKey },
    search: postgresSearch(),
    rateLimit: true,
    logger: pino({ level: 'warn' }, logDestination()),
  });
  try {
    await Promise.race([demonstrate(homeserver, recording), interrupted]);
  } finally {
    await homeserver.close();
  }
}

async function main(): Promise<void> {
  requireNode();
  const interrupted = interruption();
  const recording = recordingSchema.parse(JSON.parse(await readFile(new URL('server.json', FIXTURE), 'utf8')));
  await mkdir('.data', { recursive: true });
  const dataDir = await mkdtemp('.data/demo-');
  try {
    say('Starting an embedded PostgreSQL …');
    const database = await startEmbeddedPostgres({ dataDir });
    try {
      await runOn(database.connectionString, recording, interrupted);
    } finally {
      await database.stop();
    }
  } finally {
    await rm(dataDir, { recursive: true, force: true });
  }
}

try {
  await main();
  process.exit(0);
} catch (error) {
  process.stderr.write(`${explainExit(error)}\n`);
  process.exit(1);
}
