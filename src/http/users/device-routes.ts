import type { UserId } from '../../ids.ts';
import type { Device } from '../../storage/userapi/devices.ts';
import { defineRoute, ok, okOf, type Route } from '../route.ts';

const DEVICES = '/_synapse/admin/v2/users/:userId/devices';

/** Converts a device to the form that Synapse shows. The result never contains the access token. */
const deviceBody = (userId: UserId, device: Device) => ({
  user_id: userId,
  device_id: device.deviceId,
  display_name: device.displayName ?? null,
  last_seen_user_agent: device.userAgent || null,
  last_seen_ts: device.lastSeenAt,
  last_seen_ip: device.address || null,
});

/** Routes that show, create, rename, delete and refresh the devices of a user. */
export const DEVICE_ROUTES: readonly Route[] = [
  defineRoute({
    method: 'POST',
    path: '/_dendrite/admin/refreshDevices/:userId',
    operation: 'refreshDevices',
    input: ({ params, body }) => ({ userId: params.userId, dryRun: body.dry_run }),
    // Dendrite answers with an empty object. The plugin adds keys only for a dry run, or if devices were left out.
    respond: (refreshed) =>
      okOf<Partial<typeof refreshed>>('dryRun' in refreshed || 'leftOut' in refreshed ? refreshed : {}),
  }),
  defineRoute({
    method: 'GET',
    path: DEVICES,
    operation: 'listDevices',
    input: ({ params }) => ({ userId: params.userId }),
    respond: ({ userId, devices }) =>
      ok({ devices: devices.map((device) => deviceBody(userId, device)), total: devices.length }),
  }),
  defineRoute({
    method: 'POST',
    path: DEVICES,
    operation: 'createDevice',
    input: ({ params, body }) => ({ userId: params.userId, deviceId: body.device_id }),
    respond: () => ({ status: 201, body: {} }),
  }),
  defineRoute({
    method: 'GET',
    path: `${DEVICES}/:deviceId`,
    operation: 'getDevice',
    input: ({ params }) => ({ userId: params.userId, deviceId: params.deviceId }),
    respond: (device) => ok(deviceBody(device.userId, device)),
  }),
  defineRoute({
    method: 'PUT',
    path: `${DEVICES}/:deviceId`,
    operation: 'setDeviceName',
    input: ({ params, body }) => ({
      userId: params.userId,
      deviceId: params.deviceId,
      displayName: body.display_name,
    }),
    respond: () => ok({}),
  }),
  defineRoute({
    method: 'DELETE',
    path: `${DEVICES}/:deviceId`,
    operation: 'deleteDevices',
    names: { devices: 'deviceId' },
    input: ({ params, body }) => ({ userId: params.userId, devices: [params.deviceId], dryRun: body.dry_run }),
    respond: (deletion) => okOf<Partial<typeof deletion>>('dryRun' in deletion ? deletion : {}),
  }),
  defineRoute({
    method: 'POST',
    path: '/_synapse/admin/v2/users/:userId/delete_devices',
    operation: 'deleteDevices',
    input: ({ params, body }) => ({ userId: params.userId, devices: body.devices, dryRun: body.dry_run }),
    respond: (deletion) => okOf<Partial<typeof deletion>>('dryRun' in deletion ? deletion : {}),
  }),
];
