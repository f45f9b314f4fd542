import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `record`: stored traces of a request, such as log lines, audit entries, jobs and metrics. `error`: the answer to a refused
 * client.
 */
export type OutputKind = 'record' | 'error';

/**
 * `credential`: gives access, and nobody may see it. `invitation`: a registration token, which administrators and its user
 * may see.
 */
export type SecretKind = 'credential' | 'invitation';

/** Shorter secrets, or secrets of fewer different characters, would be found by chance. */
const MIN_SECRET_LENGTH = 8;
const MIN_DISTINCT = 4;
const CREDENTIALS = ['password', 'new_password', 'access_token', 'mac', 'nonce', 'login_token'];

/** A file to which the processes of a test run add lines. `undefined` if the run does not check them afterwards. */
export function outputFile(name: OutputKind | SecretKind): string | undefined {
  const directory = process.env['TEST_OUTPUT_DIRECTORY'];
  return directory === undefined ? undefined : join(directory, name);
}

function append(name: OutputKind | SecretKind, text: string): void {
  const file = outputFile(name);
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}

/** Stores output of the software under test, for a check at the end of the run. */
export const recordOutput = (kind: OutputKind, text: string): void => append(kind, text);

/** Stores a secret that must not occur in any output. */
function recordSecret(kind: SecretKind, secret: string): void {
  if (secret.length >= MIN_SECRET_LENGTH && new Set(secret).size >= MIN_DISTINCT) append(kind, JSON.stringify(secret));
}

/** Stores the secrets of a request and its answer, and the answer if it is an error. */
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
  // The token of a bulk selection is an id: it is of use to the administrator who made it only.
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
