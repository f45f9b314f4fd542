/** Kinds of accounts that Synapse tells from people's. */
export const USER_TYPES = ['bot', 'support'] as const;
export type UserType = (typeof USER_TYPES)[number];
