import { z } from 'zod';
import type { MediaKey } from '../../matrix/media-uris.ts';
import { findMedia, readMediaKeysOfUser } from '../../storage/mediaapi/media.ts';
import {
  deleteQuarantine,
  insertQuarantines,
  type QuarantineChange,
  readQuarantineChanges,
  updateProtection,
} from '../../storage/plugin/media-standings.ts';
import { nameOf } from '../actor.ts';
import { defineOperation, type ReadScope, type WriteScope } from '../define-operation.ts';
import { inputObject } from '../input-object.ts';
import { roomIdInput } from '../rooms/room-id-input.ts';
import { requireAccount } from '../users/local-account.ts';
import { userIdInput } from '../users/user-id-input.ts';
import { mediaIdInput, originInput, unknownMedia } from './media-input.ts';
import { findMediaOfRoom } from './room-media.ts';

/** Number of media that one SQL statement quarantines. */
const BATCH = 1_000;

/** Number of media of the call that are quarantined now, including those that were quarantined before. */
export interface Quarantined {
  readonly numQuarantined: number;
}

async function quarantine(scope: WriteScope, keys: readonly MediaKey[]): Promise<Quarantined> {
  let numQuarantined = 0;
  for (let first = 0; first < keys.length; first += BATCH) {
    const batch = keys.slice(first, first + BATCH);
    numQuarantined += await insertQuarantines(scope.transaction, batch, nameOf(scope.actor));
  }
  scope.afterCommit(scope.mediaStandings.forget);
  return { numQuarantined };
}

/**
 * Quarantines a media and all media with the same content, or ends the quarantine. While media are quarantined, the homeserver
 * answers as if these media did not exist. A media can be quarantined before the homeserver has stored it. A quarantine has no
 * effect on a protected media. If the given media is protected, the result is `false`. Synapse's routes are `POST
 * /_synapse/admin/v1/media/quarantine/{serverName}/{mediaId}` and `…/unquarantine/{serverName}/{mediaId}`.
 */
export const setMediaQuarantined = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The server where the media was uploaded. */
    serverName: originInput,
    /** The media's id on that server. */
    mediaId: mediaIdInput,
    /** `true` quarantines the media; `false` ends the quarantine. */
    quarantined: z.boolean(),
  }),
  target: ({ serverName, mediaId }) => `mxc://${serverName}/${mediaId}`,
  run: async (scope, { serverName: origin, mediaId, quarantined }): Promise<{ quarantined: boolean }> => {
    if (quarantined) return { quarantined: (await quarantine(scope, [{ origin, mediaId }])).numQuarantined > 0 };
    await deleteQuarantine(scope.transaction, { origin, mediaId });
    scope.afterCommit(scope.mediaStandings.forget);
    return { quarantined: false };
  },
});

/**
 * Quarantines all media that a local user has uploaded, except protected media. Synapse's route is `POST
 * /_synapse/admin/v1/user/{userId}/media/quarantine`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such user
 */
export const quarantineUserMedia = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The local user. */
    userId: userIdInput,
    /** Whether to only report how many media would be quarantined. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ userId }) => userId,
  run: async (scope, { userId }): Promise<Quarantined> => {
    await requireAccount(scope, userId);
    return quarantine(scope, await readMediaKeysOfUser(scope.transaction, userId));
  },
});

/**
 * Quarantines all media that the events of a room use, both local media and media of other servers. Leaves out protected media.
 * Also leaves out media of encrypted events, because the homeserver cannot read these events. Synapse's route is `POST
 * /_synapse/admin/v1/room/{roomId}/media/quarantine`.
 */
export const quarantineRoomMedia = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The room. */
    roomId: roomIdInput,
    /** Whether to only report how many media would be quarantined. @defaultValue false */
    dryRun: z.boolean().default(false),
  }),
  target: ({ roomId }) => roomId,
  prepare: (scope, { roomId }): Promise<readonly MediaKey[]> => findMediaOfRoom(scope, roomId),
  run: (scope, _input, keys): Promise<Quarantined> => quarantine(scope, keys),
});

/**
 * Protects a local media from quarantines, or ends the protection. Protecting a media also ends the quarantine of this media
 * and of all media with the same content. Synapse's routes are `POST /_synapse/admin/v1/media/protect/{mediaId}` and
 * `…/unprotect/{mediaId}`.
 * @throws MatrixError `M_NOT_FOUND` if there is no such media
 */
export const setMediaProtected = defineOperation({
  access: 'admin',
  effect: 'write',
  input: inputObject({
    /** The id of the media. If several local server names have a media with this id, the main server name comes first. */
    mediaId: mediaIdInput,
    /** `true` protects the media; `false` ends the protection. */
    protected: z.boolean(),
  }),
  target: ({ mediaId }) => mediaId,
  run: async (scope, { mediaId, protected: isProtected }): Promise<{ protected: boolean }> => {
    const { transaction, mediaStandings } = scope;
    const key = await requireLocalMedia(scope, mediaId);
    if (isProtected) await deleteQuarantine(transaction, key);
    await updateProtection(transaction, key, isProtected);
    scope.afterCommit(mediaStandings.forget);
    return { protected: isProtected };
  },
});

async function requireLocalMedia({ db, localServerNames }: ReadScope, mediaId: string): Promise<MediaKey> {
  for (const origin of localServerNames) {
    if ((await findMedia(db, { origin, mediaId })) !== undefined) return { origin, mediaId };
  }
  throw unknownMedia();
}

/**
 * Lists the beginnings and ends of quarantines, oldest first, 100 on a page. `nextBatch` is the value of `from` for the next
 * page, which may be empty. Synapse's route is `GET /_synapse/admin/v1/media/quarantine_changes`.
 */
export const listQuarantineChanges = defineOperation({
  access: 'admin',
  effect: 'read',
  input: inputObject({
    /** `nextBatch` of the previous page. @defaultValue 0 */
    from: z.int().min(0).default(0),
  }),
  run: async ({ db }, { from }): Promise<{ changes: QuarantineChange[]; nextBatch: number }> => {
    const changes = await readQuarantineChanges(db, from, 100);
    return { changes, nextBatch: changes.at(-1)?.id ?? from };
  },
});
