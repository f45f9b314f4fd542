import { z } from 'zod';
import { MatrixError } from '../../errors.ts';
import { canonicalJson } from '../../matrix/canonical-json.ts';
import type { ServerNotices } from '../../rooms/server-notices.ts';

/**
 * Event types that a notice must not have. Events of these types govern the room, so such a notice could prevent further
 * notices.
 */
const NO_NOTICES: readonly string[] = [
  'm.room.create',
  'm.room.encryption',
  'm.room.member',
  'm.room.power_levels',
  'm.room.redaction',
  'm.room.third_party_invite',
  'm.room.tombstone',
];

/** Input fields for a notice. */
export const noticeInput = {
  type: z
    .string()
    .min(1)
    .max(255)
    .refine((type) => !NO_NOTICES.includes(type), 'a notice must not have this type')
    .default('m.room.message'),
  stateKey: z.string().max(255).optional(),
  content: z.record(z.string(), z.unknown()),
};

/**
 * Checks a notice before anything is written.
 * @returns `serverNotices`
 * @throws MatrixError `M_BAD_JSON` if the content is not allowed in an event, or if an `m.room.message` lacks `msgtype` or
 * `body`; `M_UNRECOGNIZED` if server notices are off
 */
export function requireNotices(
  serverNotices: ServerNotices | undefined,
  { type, content }: { readonly type: string; readonly content: Readonly<Record<string, unknown>> },
): ServerNotices {
  if (serverNotices === undefined) {
    throw new MatrixError('M_UNRECOGNIZED', 'Server notices are switched off on this homeserver');
  }
  const isText = (key: string): boolean => typeof content[key] === 'string' && content[key] !== '';
  if (type === 'm.room.message' && !(isText('msgtype') && isText('body'))) {
    throw new MatrixError('M_BAD_JSON', 'a message needs "msgtype" and "body"');
  }
  canonicalJson(content);
  return serverNotices;
}
