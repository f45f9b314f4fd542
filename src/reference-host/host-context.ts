import type { Knex } from 'knex';
import type { AdminPlugin, FederationSender, Logger, Notifier, SigningKey } from '../index.ts';
import type { RemoteJoin } from './federation/join-room.ts';
import type { LimitMessages } from './rooms/message-limit.ts';

/** The parts of the homeserver that its routes for clients use. */
export interface HostContext {
  readonly db: Knex;
  readonly signingKey: SigningKey;
  readonly admin: Pick<AdminPlugin, 'accounts' | 'media' | 'operations' | 'registrationTokens' | 'rooms' | 'search'>;
  /**
   * Sends queued events and messages, and requests of the plugin, to other servers. @defaultValue the homeserver sends nothing
   * to other servers
   */
  readonly federation?: FederationSender;
  /** Wakes clients that are waiting in `/sync`. @defaultValue clients see changes with their next request */
  readonly notifier?: Notifier;
  /** Joins a user to a room through another server. @defaultValue users cannot join rooms of other servers */
  readonly joinRemoteRoom?: (join: RemoteJoin) => Promise<void>;
  /** Refuses a message of a user who has sent too many messages. */
  readonly limitMessages: LimitMessages;
  readonly logger: Logger;
}
