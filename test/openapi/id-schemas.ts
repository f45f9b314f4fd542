import type { JsonSchema } from './json-schema.ts';

/** The JSON Schemas of ids, by the names of their TypeScript types. */
export const ID_SCHEMAS: Readonly<Record<string, JsonSchema>> = {
  UserId: {
    type: 'string',
    description: 'A user id: `@localpart:server_name`.',
    pattern: '^@[!-9;-~]*:[0-9A-Za-z.:\\[\\]-]+$',
    maxLength: 255,
    examples: ['@alice:example.org'],
  },
  RoomId: {
    type: 'string',
    description: 'A room id: `!opaque:server_name`, or `!` and 43 characters since room version 12.',
    pattern: '^!(?:[A-Za-z0-9_-]{43}|[^:\\u0000]+:[0-9A-Za-z.:\\[\\]-]+)$',
    maxLength: 255,
    examples: ['!room:example.org'],
  },
  RoomIdOrAlias: {
    type: 'string',
    description: 'A room id, or an alias of the room: `#alias:server_name`.',
    pattern: '^(?:!(?:[A-Za-z0-9_-]{43}|[^:\\u0000]+:[0-9A-Za-z.:\\[\\]-]+)|#[^:\\u0000]+:[0-9A-Za-z.:\\[\\]-]+)$',
    maxLength: 255,
    examples: ['#room:example.org'],
  },
  EventId: {
    type: 'string',
    description: 'An event id.',
    pattern: '^\\$[^\\u0000]+$',
    maxLength: 255,
    examples: ['$event'],
  },
  MediaId: {
    type: 'string',
    description: 'The id of a media at its server.',
    pattern: '^[A-Za-z0-9_=-]+$',
    maxLength: 255,
    examples: ['media_id'],
  },
  ServerName: {
    type: 'string',
    description: 'A server name: a host name or IP address, with an optional port.',
    pattern: '^(?:\\d{1,3}(?:\\.\\d{1,3}){3}|\\[[0-9A-Fa-f:.]{2,45}\\]|[0-9A-Za-z.-]{1,255})(?::\\d{1,5})?$',
    maxLength: 255,
    examples: ['example.org'],
  },
};
