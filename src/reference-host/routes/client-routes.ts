import type Router from '@koa/router';
import type { HostContext } from '../host-context.ts';
import { addAccountDataRoutes } from './account-data.ts';
import { addAliasesRoute } from './aliases.ts';
import { addCapabilitiesRoute } from './capabilities.ts';
import { addDeviceRoutes } from './devices.ts';
import { addFilterRoutes } from './filters.ts';
import { addJoinRoute } from './join.ts';
import { addLoginRoutes } from './login.ts';
import { addLogoutRoutes } from './logout.ts';
import { addProfileRoutes } from './profiles.ts';
import { addPushRulesRoutes } from './push-rules.ts';
import { addRegisterRoute } from './register.ts';
import { addRoomRoutes } from './rooms.ts';
import { addSearchRoute } from './search.ts';
import { addTagRoutes } from './tags.ts';
import { addVersionsRoutes } from './versions.ts';

/** Adds the routes of the Client-Server API. */
export function addClientRoutes(router: Router, context: HostContext): void {
  addVersionsRoutes(router);
  const withContext = [
    addCapabilitiesRoute,
    addRegisterRoute,
    addLoginRoutes,
    addLogoutRoutes,
    addDeviceRoutes,
    addProfileRoutes,
    addAccountDataRoutes,
    addTagRoutes,
    addPushRulesRoutes,
    addFilterRoutes,
    addRoomRoutes,
    addAliasesRoute,
    addJoinRoute,
    addSearchRoute,
  ];
  for (const add of withContext) add(router, context);
}
