import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * Kinds of output. `record`: what a request leaves behind, such as log lines, audit entries, jobs and metrics. `error`: the
 * answer to a client whose request was refused.
 */
export type OutputKind = 'record' | 'error';

/**
 * Kinds of secrets. `credential`: it gives access, and nobody may see it. `invitation`: it is a registration token, which
 * administrators and the person who registers may see.
 */
export type SecretKind = 'credential' | 'invitation';

/**
 * Minimum length of a recorded secret. Shorter secrets, or secrets with fewer different characters, would be found by chance.
 */
const MIN_SECRET_LENGTH = 8;
const MIN_DISTINCT = 4;
const CREDENTIALS = ['password', 'new_password', 'access_token', 'mac', 'nonce', 'login_token'];

/** Returns the file to which the processes of a test run add lines. Returns `undefined` if nothing is checked after the run. */
export function outputFile(name: OutputKind | SecretKind): string | undefined {
  const directory = process.env['TEST_OUTPUT_DIRECTORY'];
  return directory === undefined ? undefined : join(directory, name);
}

function append(name: OutputKind | SecretKind, text: string): void {
  const file = outputFile(name);
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}

/** Stores output of the software under test. It is checked at the end of the run. */
export const recordOutput = (kind: OutputKind, text: string): void => append(kind, text);

/** Stores a secret that must not occur in any output. */
function recordSecret(kind: SecretKind, secret: string): void {
  if (secret.length >= MIN_SECRET_LENGTH && new Set(secret).size >= MIN_DISTINCT) append(kind, JSON.stringify(secret));
}

/** Stores the secrets of a request and its answer. If the answer is an error, stores the answer too. */
export function recordExchange(
  {
    path,
    authorization,
    body,
  }: { readonly path: string; readonly authorization: string | null; readonly body: unknown },
  answer: { readonly status: number; readonly text: string },
): void {
  const bearer = /^Bearer (\S+)$/.exec(authorization ?? '')?.[1];
  if (bearer !== undefined) recordSecret('credential', bearer);
  for (const [, token = ''] of path.matchAll(/[?&]access_token=([^&]+)/g)) recordSecret('credential', token);
  // The token of a bulk selection is only an id. Nobody but the administrator who made it can use it.
  const isBulk = path.includes('/_dendrite/admin/bulk');
  if (typeof body === 'string' && !isBulk) recordSecretsOf(body);
  if (answer.status < 400 && !isBulk) recordSecretsOf(answer.text);
  else recordOutput('error', answer.text);
}

function recordSecretsOf(json: string): void {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  for (const [key, secret] of Object.entries(value)) {
    if (typeof secret !== 'string') continue;
    if (CREDENTIALS.includes(key)) recordSecret('credential', secret);
    else if (key === 'token') recordSecret('invitation', secret);
  }
}
