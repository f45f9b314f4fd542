import type Router from '@koa/router';
import type { HostContext } from '../host-context.ts';
import { addAccountDataRoutes } from './account-data.ts';
import { addAliasesRoute } from './aliases.ts';
import { addCapabilitiesRoute } from './capabilities.ts';
import { addCreateRoomRoute } from './create-room.ts';
import { addDeviceRoutes } from './devices.ts';
import { addFilterRoutes } from './filters.ts';
import { addJoinRoute } from './join.ts';
import { addKeysRoutes } from './keys.ts';
import { addLoginRoutes } from './login.ts';
import { addLogoutRoutes } from './logout.ts';
import { addMembershipRoutes } from './membership.ts';
import { addProfileRoutes } from './profiles.ts';
import { addPublicRoomsRoutes } from './public-rooms.ts';
import { addPushRulesRoutes } from './push-rules.ts';
import { addReceiptRoutes } from './receipts.ts';
import { addRegisterRoute } from './register.ts';
import { addRelationsRoute } from './relations.ts';
import { addRoomDirectoryRoutes } from './room-directory.ts';
import { addRoomHistoryRoutes } from './room-history.ts';
import { addRoomStateRoutes } from './room-state.ts';
import { addRoomRoutes } from './rooms.ts';
import { addSearchRoute } from './search.ts';
import { addSendToDeviceRoute } from './send-to-device.ts';
import { addTagRoutes } from './tags.ts';
import { addUserDirectoryRoute } from './user-directory.ts';
import { addVersionsRoutes } from './versions.ts';

/** Adds the routes of the Client-Server API that this homeserver has, except `/sync` and the routes for media. */
export function addClientRoutes(router: Router, context: HostContext): void {
  addVersionsRoutes(router);
  const withContext = [
    addCapabilitiesRoute,
    addRegisterRoute,
    addLoginRoutes,
    addLogoutRoutes,
    addDeviceRoutes,
    addKeysRoutes,
    addSendToDeviceRoute,
    addProfileRoutes,
    addAccountDataRoutes,
    addTagRoutes,
    addPushRulesRoutes,
    addFilterRoutes,
    addUserDirectoryRoute,
    addCreateRoomRoute,
    addJoinRoute,
    addMembershipRoutes,
    addRoomRoutes,
    addRoomStateRoutes,
    addRoomHistoryRoutes,
    addRelationsRoute,
    addReceiptRoutes,
    addAliasesRoute,
    addRoomDirectoryRoutes,
    addPublicRoomsRoutes,
    addSearchRoute,
  ];
  for (const add of withContext) add(router, context);
}
