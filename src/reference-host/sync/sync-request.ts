import type { Device } from '../storage/devices.ts';
import type { SyncFilter } from './filter.ts';
import type { SyncPosition } from './position.ts';

/** A request of `/sync`: who asks, and which changes the answer must contain. */
export interface SyncRequest {
  readonly device: Device;
  readonly filter: SyncFilter;
  /** Whether the client has asked for the whole state of all joined rooms. */
  readonly fullState: boolean;
  /** The position up to which the client has received everything. `undefined` if the client has received nothing. */
  readonly since: SyncPosition | undefined;
  /** The position up to which the answer reads. No running transaction can add rows before this position. */
  readonly upTo: SyncPosition;
  /** The current time, in ms since the epoch. */
  readonly now: number;
}
