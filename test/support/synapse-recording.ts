import { readFileSync } from 'node:fs';
import { SERVER_NAME } from './dendrite-server.ts';

/** A request by an administrator, and what a Synapse answered to it. */
export interface SynapseCase {
  readonly case: string;
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  /** Whether the request had an access token. */
  readonly token: boolean;
  readonly status: number;
  readonly response: unknown;
}

/** A recording with the test server's name in the place of the recorded one's. */
export function synapseRecording(name: string): readonly SynapseCase[] {
  const text = readFileSync(new URL(`../fixtures/synapse/${name}.json`, import.meta.url), 'utf8');
  const renamed = text
    .replaceAll('localhost:38448', SERVER_NAME)
    .replaceAll(encodeURIComponent('localhost:38448'), encodeURIComponent(SERVER_NAME));
  return JSON.parse(renamed);
}
