import { randomBytes } from 'node:crypto';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import knex, { type Knex } from 'knex';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { createAdminPlugin } from '../../src/plugin.ts';
import { createMediaDirectory } from '../../src/reference-host/media/media-directory.ts';
import { createSigningKey } from '../support/dendrite-server.ts';
import { SERVER_NAME } from '../support/killed-operation.ts';
import { filesIn, filesOfRows } from '../support/media-fixture.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { connectionStringFor, withAdmin } from '../support/test-databases.ts';
import { DENDRITE_BIN, type Dendrite, prepareDendrite } from './dendrite-process.ts';
import { runCommand } from './run-command.ts';

const CALLER = { actor: { kind: 'system', name: 'test' } } as const;
const MEDIA = '/_matrix/media/v3';

describe.skipIf(DENDRITE_BIN === undefined)('media of a real Dendrite', () => {
  const { admin, prefix } = inject('databases');
  const name = `${prefix}_dendrite_${randomBytes(4).toString('hex')}`;
  const database = connectionStringFor(admin, name);
  let directory: string;
  let dendrite: Dendrite;
  let db: Knex;
  let token: string;
  beforeAll(async () => {
    directory = await makeScratchDirectory('matrix-admin-dendrite-media-');
    await withAdmin(admin, (client) => client.query(`CREATE DATABASE ${name} TEMPLATE template0 ENCODING 'UTF8'`));
    dendrite = await prepareDendrite(directory, database);
    await dendrite.start();
    db = knex({ client: 'pg', connection: database, pool: { min: 0, max: 8 } });
    const made = await runCommand(
      ['user', 'create', '@alice:localhost', '--homeserver', 'localhost', '--signing-key', dendrite.keyFile].concat([
        '--yes',
        '--beside-server',
      ]),
      { environment: { MATRIX_ADMIN_DATABASE: database }, input: 'alice-password\n' },
    );
    if (made.code !== 0) throw new Error(made.stderr);
    token = (await dendrite.logIn('alice', 'alice-password')) ?? '';
  });
  afterAll(async () => {
    await db?.destroy();
    await dendrite?.stop();
    await withAdmin(admin, (client) => client.query(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`));
    await rm(directory, { recursive: true });
  });

  const authorization = (): { Authorization: string } => ({ Authorization: `Bearer ${token}` });
  const upload = async (content: string): Promise<string> => {
    const answer = await fetch(`${dendrite.origin}${MEDIA}/upload`, {
      method: 'POST',
      headers: { ...authorization(), 'Content-Type': 'text/plain' },
      body: content,
    });
    const { content_uri: uri } = JSON.parse(await answer.text());
    return String(uri).split('/').at(-1) ?? '';
  };
  const download = async (mediaId: string): Promise<readonly [status: number, text: string]> => {
    const path = `/_matrix/client/v1/media/download/localhost/${mediaId}`;
    const answer = await fetch(dendrite.origin + path, { headers: authorization() });
    return [answer.status, answer.ok ? await answer.text() : ''];
  };

  it('after a deletion and a repair, Dendrite serves the remaining media, and answers 404 for deleted media', async () => {
    const [gone, same, kept, broken] = [
      await upload('twice'),
      await upload('twice'),
      await upload('kept'),
      await upload('x'),
    ];
    expect(await download(gone)).toEqual([200, 'twice']);
    await dendrite.stop();
    const store = createMediaDirectory(join(directory, 'media'));
    const plugin = createAdminPlugin({
      serverName: SERVER_NAME,
      db,
      signingKeys: [createSigningKey(SERVER_NAME)],
      media: store,
    });
    await plugin.start();
    await plugin.operations.deleteMedia({ serverName: 'localhost', mediaId: gone }, CALLER);
    const { base64hash: hash } = await db('mediaapi_media_repository').where({ media_id: broken }).first('base64hash');
    await store.remove([{ hash }]);
    expect(await plugin.operations.checkMedia({ repair: true }, CALLER)).toMatchObject({
      rowsWithoutFiles: 1,
      repaired: 1,
    });
    await plugin.stop();
    expect(await filesIn(join(directory, 'media'))).toEqual(await filesOfRows(db));
    await dendrite.start();
    expect(await download(same)).toEqual([200, 'twice']);
    expect(await download(kept)).toEqual([200, 'kept']);
    expect((await download(gone))[0]).toBe(404);
    expect((await download(broken))[0]).toBe(404);
    expect(await download(await upload('twice'))).toEqual([200, 'twice']);
  });
});
