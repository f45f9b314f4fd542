import { mkdir, rm } from 'node:fs/promises';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { SERVER_NAME } from '../support/dendrite-server.ts';
import { filesIn, filesOfRows, insertMedia, MEDIA, REMOTE, unpackMediaStore } from '../support/media-fixture.ts';
import { makeScratchDirectory } from '../support/scratch-directory.ts';
import { type FixtureHomeserver, fixture, type Json, startFixtureHomeserver } from './fixture-homeserver.ts';

const V1 = '/_synapse/admin/v1';
const CLIENT = '/_matrix/client/v1/media';

let base: string;
let server: FixtureHomeserver;
beforeAll(async () => {
  base = await makeScratchDirectory('homeserver-media-');
  await unpackMediaStore(base);
  server = await startFixtureHomeserver({ mediaDirectory: base });
  await insertMedia(server.homeserver.db);
});
afterAll(async () => {
  await server.stop();
  await rm(base, { recursive: true });
});

const as = (user: keyof typeof fixture.users) => ({ authorization: `Bearer ${fixture.users[user].access_token}` });

async function upload(content: string, query = '', type = 'text/plain'): Promise<string> {
  const answer = await fetch(new URL(`/_matrix/media/v3/upload${query}`, server.origin), {
    method: 'POST',
    headers: { ...as('alice'), 'content-type': type },
    body: content,
  });
  expect(answer.status).toBe(200);
  const { content_uri: uri }: Json = await answer.json();
  return uri.split('/').at(-1);
}
const get = (path: string, headers: Record<string, string> = as('bob')): Promise<Response> =>
  fetch(new URL(path, server.origin), { headers });
const download = (mediaId: string, more = ''): Promise<Response> =>
  get(`${CLIENT}/download/${SERVER_NAME}/${mediaId}${more}`);

async function rowsAndFilesAgree(): Promise<void> {
  expect(await filesIn(base)).toEqual(await filesOfRows(server.homeserver.db));
}

it('stores an upload once for each content, and serves it to users', async () => {
  const one = await upload('hello', '?filename=a%20%C3%A4.txt');
  const two = await upload('hello', '', 'text/html');
  await rowsAndFilesAgree();
  const answer = await download(one);
  expect([answer.status, await answer.text()]).toEqual([200, 'hello']);
  expect(answer.headers.get('content-type')).toBe('text/plain');
  expect(answer.headers.get('content-disposition')).toBe("inline; filename*=utf-8''a%20%C3%A4.txt");
  expect((await download(two)).headers.get('content-disposition')).toBe('attachment');
  expect((await download(one, '/other.txt')).headers.get('content-disposition')).toContain('other.txt');
  expect((await get(`${CLIENT}/download/${SERVER_NAME}/${one}`, {})).status).toBe(401);
  expect((await server.call('admin', 'GET', `${V1}/media/${SERVER_NAME}/${one}`)).body.media_info).toMatchObject({
    upload_name: 'a ä.txt',
    media_length: 5,
    user_id: fixture.users.alice.user_id,
  });
  await server.call('admin', 'DELETE', `${V1}/media/${SERVER_NAME}/${one}`);
  expect([(await download(one)).status, (await download(two)).status]).toEqual([404, 200]);
  await server.call('admin', 'DELETE', `${V1}/media/${SERVER_NAME}/${two}`);
  expect((await download(two)).status).toBe(404);
  await rowsAndFilesAgree();
});

it('serves thumbnails and media of other servers that Dendrite has stored', async () => {
  const thumbnail = (mediaId: string, query: string, origin: string = SERVER_NAME) =>
    get(`${CLIENT}/thumbnail/${origin}/${mediaId}?${query}`);
  const lengthOf = async (answer: Promise<Response>) => (await (await answer).arrayBuffer()).byteLength;
  expect(await lengthOf(thumbnail(MEDIA.alicePicture, 'width=40&height=40&method=crop'))).toBe(1_168);
  expect(await lengthOf(thumbnail(MEDIA.alicePicture, 'width=20&height=20&method=scale'))).toBe(865);
  expect(await lengthOf(thumbnail(MEDIA.alicePicture, 'width=400&height=400'))).toBe(62_560);
  expect(await lengthOf(thumbnail(MEDIA.remotePicture, 'width=32&height=32&method=crop', REMOTE))).toBe(689);
  for (const query of ['width=x&height=1', 'width=1', 'width=1&height=1&method=../x']) {
    expect((await thumbnail(MEDIA.alicePicture, query)).status).toBe(400);
  }
});

it.each(['..%2F..%2Fetc%2Fpasswd', '%2e%2e', 'a%00b'])('serves nothing for %s', async (mediaId) => {
  expect((await download(mediaId)).status).toBeGreaterThanOrEqual(400);
  expect((await get(`${CLIENT}/download/${mediaId}/x`)).status).toBeGreaterThanOrEqual(400);
});

it('answers as if a quarantined media did not exist, also for another upload of the same content', async () => {
  const mediaId = await upload('spam');
  await server.call('admin', 'POST', `${V1}/media/quarantine/${SERVER_NAME}/${mediaId}`, {});
  const again = await upload('spam');
  for (const id of [mediaId, again]) expect((await download(id)).status).toBe(404);
  await server.call('admin', 'POST', `${V1}/media/unquarantine/${SERVER_NAME}/${mediaId}`, {});
  expect((await download(again)).status).toBe(200);
});

it('refuses a file that is too large, and keeps nothing of it', async () => {
  await mkdir(base, { recursive: true });
  const answer = await fetch(new URL('/_matrix/media/v3/upload', server.origin), {
    method: 'POST',
    headers: as('alice'),
    body: Buffer.alloc(10 * 1_024 * 1_024 + 1),
  });
  expect([answer.status, ((await answer.json()) as Json).errcode]).toEqual([413, 'M_TOO_LARGE']);
  expect((await (await get(`${CLIENT}/config`)).json()) as Json).toEqual({ 'm.upload.size': 10 * 1_024 * 1_024 });
  await rowsAndFilesAgree();
});
