import type { Device } from '../storage/devices.ts';
import type { SyncFilter } from './filter.ts';
import type { SyncPosition } from './position.ts';

/** One look at the streams for a request of `/sync`. */
export interface SyncRequest {
  readonly device: Device;
  readonly filter: SyncFilter;
  /** Whether the client wants the whole state of all joined rooms. */
  readonly fullState: boolean;
  /** What the client has received. `undefined`: nothing. */
  readonly since: SyncPosition | undefined;
  /** A settled position. */
  readonly upTo: SyncPosition;
  /** In ms since the epoch. */
  readonly now: number;
}
