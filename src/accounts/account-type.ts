/** The values of Dendrite's column `userapi_accounts.account_type`. */
export const ACCOUNT_TYPE = { user: 1, guest: 2, admin: 3, appservice: 4 } as const;
