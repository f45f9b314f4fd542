/**
 * Power levels that are equal in all rooms that the plugin creates. The values are Dendrite's. Code that creates a room adds
 * `invite`, `users` and `users_default`.
 */
export const DEFAULT_POWER_LEVELS = {
  ban: 50,
  events: {
    'm.room.avatar': 50,
    'm.room.canonical_alias': 50,
    'm.room.encryption': 100,
    'm.room.history_visibility': 100,
    'm.room.name': 50,
    'm.room.power_levels': 100,
    'm.room.server_acl': 100,
    'm.room.tombstone': 100,
  },
  events_default: 0,
  kick: 50,
  redact: 50,
  state_default: 50,
};
