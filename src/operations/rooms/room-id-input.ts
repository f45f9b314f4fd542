import { z } from 'zod';
import { isRoomId, type RoomId } from '../../ids.ts';

/** A room id of any room version, as an operation takes it. */
export const roomIdInput = z.custom<RoomId>((value) => typeof value === 'string' && isRoomId(value), 'not a room id');
