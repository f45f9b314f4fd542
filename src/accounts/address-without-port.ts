const BRACKETED = /^\[([^\]]*)\](?::\d+)?$/;
const WITH_PORT = /^([^:]*):\d+$/;

/** The address of `address:port` or `[address]:port`, as Dendrite keeps it of clients; what has no port stays as it is. */
export function addressWithoutPort(text: string): string {
  return BRACKETED.exec(text)?.[1] ?? WITH_PORT.exec(text)?.[1] ?? text;
}
