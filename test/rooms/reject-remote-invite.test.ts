import { describe, expect, it } from 'vitest';
import { FederationError } from '../../src/errors.ts';
import type { FederationSender } from '../../src/host.ts';
import type { RoomId, ServerName, UserId } from '../../src/ids.ts';
import { orAborted } from '../../src/rooms/or-aborted.ts';
import { rejectRemoteInvite } from '../../src/rooms/reject-remote-invite.ts';
import { createSigningKey, SERVER_NAME } from '../support/dendrite-server.ts';

const destination = 'other.example' as ServerName;
const roomId = '!r:other.example' as RoomId;
const userId = `@erin:${SERVER_NAME}` as UserId;
const INVITE = { roomId, userId, destination };
const TEMPLATE = {
  event: { depth: 7, prev_events: ['$p'], auth_events: ['$a'], origin_server_ts: 1 },
  roomVersion: '10',
};
const signingKeys = [createSigningKey('elsewhere.example' as ServerName), createSigningKey()];
const wake = (): void => {};
const never = (): Promise<never> => new Promise(() => {});

interface Sent {
  readonly request: Readonly<Record<string, unknown>>;
  readonly options: { readonly signal: AbortSignal };
}

/** Creates the other server, and a list of the requests that it gets. */
function peerOf(rest: Partial<FederationSender> = {}): { federation: FederationSender; asked: [string, Sent][] } {
  const asked: [string, Sent][] = [];
  const federation: FederationSender = {
    wake,
    makeLeave: async (request, options) => {
      asked.push(['makeLeave', { request: { ...request }, options }]);
      return TEMPLATE;
    },
    sendLeave: async (request, options) => {
      asked.push(['sendLeave', { request: { ...request }, options }]);
    },
    ...rest,
  };
  return { federation, asked };
}

const settings = (
  federation: FederationSender | undefined,
  limitMs = 5_000,
  signal = new AbortController().signal,
) => ({
  federation,
  signingKeys,
  limitMs,
  signal,
});

describe('an invite from another server', () => {
  it('is rejected by a signed leave event of the user, made from the template of that server', async () => {
    const { federation, asked } = peerOf();
    const before = Date.now();
    expect(await rejectRemoteInvite(INVITE, settings(federation))).toBeUndefined();
    expect(asked.map(([name]) => name)).toEqual(['makeLeave', 'sendLeave']);
    const [made, sent] = asked.map(([, { request }]) => request);
    expect(made).toEqual({ origin: SERVER_NAME, destination, roomId, userId });
    expect(sent).toEqual({
      origin: SERVER_NAME,
      destination,
      roomId,
      eventId: expect.stringMatching(/^\$[\w-]{43}$/),
      event: {
        ...TEMPLATE.event,
        type: 'm.room.member',
        room_id: roomId,
        sender: userId,
        state_key: userId,
        content: { membership: 'leave' },
        origin: SERVER_NAME,
        origin_server_ts: expect.any(Number),
        hashes: expect.any(Object),
        signatures: { [SERVER_NAME]: expect.any(Object) },
      },
    });
    const event = sent?.event as Readonly<Record<string, unknown>>;
    expect(event.origin_server_ts).toBeGreaterThanOrEqual(before);
  });

  it.each<[string, FederationSender | undefined]>([
    ['without a sender', undefined],
    ['without makeLeave', { wake, sendLeave: async () => {} }],
    ['without sendLeave', { wake, makeLeave: async () => TEMPLATE }],
  ])('is not rejected %s, and the result has the reason', async (_how, federation) => {
    expect(await rejectRemoteInvite(INVITE, settings(federation))).toBe(
      'the homeserver sends no requests to other servers',
    );
  });

  it('of a user whose server name has no key is not rejected, and the result has the reason', async () => {
    const { federation, asked } = peerOf();
    const reason = await rejectRemoteInvite(
      { ...INVITE, userId: '@x:keyless.example' as UserId },
      settings(federation),
    );
    expect([reason, asked]).toEqual(['there is no signing key for keyless.example', []]);
  });

  it('is not rejected if that server refuses, and the result has its message', async () => {
    const makeLeave = (): Promise<never> => Promise.reject(new FederationError('refused', 'not invited'));
    expect(await rejectRemoteInvite(INVITE, settings(peerOf({ makeLeave }).federation))).toBe('not invited');
    const sendLeave = (): Promise<never> => Promise.reject(new FederationError('refused', 'too late'));
    expect(await rejectRemoteInvite(INVITE, settings(peerOf({ sendLeave }).federation))).toBe('too late');
  });

  it.each([{ makeLeave: never }, { sendLeave: never }])(
    'is not rejected if that server does not answer: %j',
    async (rest) => {
      expect(await rejectRemoteInvite(INVITE, settings(peerOf(rest).federation, 30))).toBe(
        'other.example gave no answer within 30 ms',
      );
    },
  );

  it('is not rejected if the job must stop, even if the federation sender ignores the signal', async () => {
    const stop = new AbortController();
    const rejecting = rejectRemoteInvite(INVITE, settings(peerOf({ makeLeave: never }).federation, 5_000, stop.signal));
    stop.abort(new Error('stopped'));
    await expect(rejecting).rejects.toThrow('stopped');
  });

  it('gives both requests the signal, so that they can end early', async () => {
    const { federation, asked } = peerOf();
    const stop = new AbortController();
    await rejectRemoteInvite(INVITE, settings(federation, 5_000, stop.signal));
    stop.abort();
    expect(asked.map(([, { options }]) => options.signal.aborted)).toEqual([true, true]);
  });
});

describe('orAborted()', () => {
  it('returns the answer, or throws the error, of the request', async () => {
    const { signal } = new AbortController();
    expect(await orAborted(Promise.resolve(5), { signal })).toBe(5);
    await expect(orAborted(Promise.reject(new Error('refused')), { signal })).rejects.toThrow('refused');
  });

  it('rejects with the reason of the signal, whatever the request returns afterwards', async () => {
    const stop = new AbortController();
    const request = new Promise((_resolve, reject) => {
      stop.signal.addEventListener('abort', () => reject(new Error('socket closed')));
    });
    const waiting = orAborted(request, { signal: stop.signal });
    stop.abort('out of time');
    await expect(waiting).rejects.toThrow(new Error('out of time'));
  });
});
