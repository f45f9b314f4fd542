import type { OperationName } from './operations/operations.ts';

/**
 * What happens when an operation runs while Dendrite works on the same database. `at-once`: Dendrite and the plugin see the
 * change at once. `later`: the plugin writes the change correctly, and Dendrite's clients see the change only after the next
 * event that Dendrite writes, or after a restart of Dendrite. `refused`: the operation does not run. It would break something
 * that Dendrite holds in memory, would have no effect, needs Dendrite's search index or media files, or was never tried beside
 * Dendrite.
 */
export interface BesideDendrite {
  readonly verdict: 'at-once' | 'later' | 'refused';
  /** A whole sentence that says what happens, or what to do instead. */
  readonly text: string;
}

const AT_ONCE: BesideDendrite = { verdict: 'at-once', text: 'Both sides see the change at once.' };
const LATER: BesideDendrite = {
  verdict: 'later',
  text: 'The events are written correctly, and Dendrite continues from them. Its clients see them after the next event that Dendrite itself writes (see docs/serve.md), or after a restart. Other servers receive them after the next event that Dendrite sends to those servers.',
};
const STOP_FIRST: BesideDendrite = {
  verdict: 'refused',
  text: 'Dendrite holds rooms in memory, so the room would be broken until a restart. Stop Dendrite, run the command with --database, and start Dendrite again.',
};
const NOT_ENFORCED: BesideDendrite = {
  verdict: 'refused',
  text: 'Dendrite does not ask the plugin, so this would have no effect. It needs a homeserver that mounts the plugin.',
};
const OWN_INDEX: BesideDendrite = {
  verdict: 'refused',
  text: "Dendrite searches an index of its own, which this command cannot rebuild. Use Dendrite's GET /_dendrite/admin/fulltext/reindex.",
};
const NO_MEDIA_STORE: BesideDendrite = {
  verdict: 'refused',
  text: 'Only the homeserver can reach the files of media. It needs a homeserver that mounts the plugin and lends its media store.',
};
const UNTRIED: BesideDendrite = {
  verdict: 'refused',
  text: 'Nobody has tried this operation beside a running Dendrite. Stop Dendrite, run the command with --database, and start Dendrite again.',
};

/** What happens for each operation that writes or starts a job. An operation that is not listed is refused. */
const WRITES: Readonly<Partial<Record<OperationName, BesideDendrite>>> = {
  setUser: AT_ONCE,
  exportUser: AT_ONCE,
  setUserAdmin: AT_ONCE,
  resetPassword: AT_ONCE,
  registerBySharedSecret: AT_ONCE,
  deactivateUser: {
    verdict: 'later',
    text: `The account is deactivated and logged out at once. The user leaves rooms: ${LATER.text}`,
  },
  createRegistrationToken: AT_ONCE,
  updateRegistrationToken: AT_ONCE,
  deleteRegistrationToken: AT_ONCE,
  createDevice: AT_ONCE,
  setDeviceName: AT_ONCE,
  deleteDevices: AT_ONCE,
  loginAsUser: AT_ONCE,
  setRoomPublished: AT_ONCE,
  reportEvent: AT_ONCE,
  reportUser: AT_ONCE,
  reportRoom: AT_ONCE,
  setEventReportStatus: AT_ONCE,
  deleteEventReport: AT_ONCE,
  setUserReportStatus: AT_ONCE,
  deleteUserReport: AT_ONCE,
  setRoomReportStatus: AT_ONCE,
  deleteRoomReport: AT_ONCE,
  cancelJob: AT_ONCE,
  decideApproval: AT_ONCE,
  planBulk: AT_ONCE,
  runBulk: { verdict: 'at-once', text: 'Each item is treated like a call of its own, and may be refused.' },
  evacuateRoom: LATER,
  evacuateUser: LATER,
  redactUserEvents: LATER,
  sendServerNotice: LATER,
  sendServerNotices: LATER,
  purgeRoom: STOP_FIRST,
  deleteRoom: STOP_FIRST,
  purgeAbandonedRooms: STOP_FIRST,
  downloadState: STOP_FIRST,
  setUserSuspended: NOT_ENFORCED,
  setUserLocked: NOT_ENFORCED,
  setUserShadowBanned: NOT_ENFORCED,
  setUserRateLimit: NOT_ENFORCED,
  deleteUserRateLimit: NOT_ENFORCED,
  setExperimentalFeatures: NOT_ENFORCED,
  allowCrossSigningReplacement: NOT_ENFORCED,
  blockRoom: NOT_ENFORCED,
  unblockRoom: NOT_ENFORCED,
  setRoomBlocked: NOT_ENFORCED,
  setMediaQuarantined: NOT_ENFORCED,
  setMediaProtected: NOT_ENFORCED,
  quarantineUserMedia: NOT_ENFORCED,
  quarantineRoomMedia: NOT_ENFORCED,
  deleteMedia: NO_MEDIA_STORE,
  deleteUserMedia: NO_MEDIA_STORE,
  deleteRoomMedia: NO_MEDIA_STORE,
  deleteOldMedia: NO_MEDIA_STORE,
  purgeMediaCache: NO_MEDIA_STORE,
  checkMedia: NO_MEDIA_STORE,
  reindexFulltext: OWN_INDEX,
  startBackgroundUpdate: OWN_INDEX,
  setBackgroundUpdatesEnabled: AT_ONCE,
  renewAccount: AT_ONCE,
};

/** Tells what happens when an operation runs while Dendrite works on the same database. */
export function besideDendrite(operation: OperationName, effect: 'read' | 'write' | 'job'): BesideDendrite {
  if (effect === 'read') return { verdict: 'at-once', text: 'It changes nothing.' };
  return WRITES[operation] ?? UNTRIED;
}

/**
 * Parameters of `setUser` that would have no effect beside Dendrite, because Dendrite does not ask the plugin about them. A
 * call that sets one of them to `true` is refused.
 */
const NOT_ENFORCED_PARAMETERS = ['locked', 'suspended', 'shadowBanned'];

/**
 * Returns why a call is refused beside a running Dendrite, and what to do instead. Returns `undefined` if the call is not
 * refused.
 */
export function refusalBesideDendrite(
  operation: OperationName,
  effect: 'read' | 'write' | 'job',
  input: object,
): string | undefined {
  const { verdict, text } = besideDendrite(operation, effect);
  if (verdict === 'refused') return text;
  const values: Readonly<Record<string, unknown>> = { ...input };
  const isNotEnforced = operation === 'setUser' && NOT_ENFORCED_PARAMETERS.some((name) => values[name] === true);
  return isNotEnforced ? NOT_ENFORCED.text : undefined;
}
