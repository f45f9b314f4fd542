const BRACKETED = /^\[([^\]]*)\](?::\d+)?$/;
const WITH_PORT = /^([^:]*):\d+$/;

/** Removes the port from a client address. Dendrite stores client addresses as `address:port` or `[address]:port`. */
export function addressWithoutPort(text: string): string {
  return BRACKETED.exec(text)?.[1] ?? WITH_PORT.exec(text)?.[1] ?? text;
}
