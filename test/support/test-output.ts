import { appendFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `record`: what stays of a request, such as log lines, audit entries, jobs and metrics. `error`: what a client is told
 * that was refused.
 */
export type OutputKind = 'record' | 'error';

/**
 * `credential`: lets somebody in, and is nobody's to see. `invitation`: a registration token, which administrators see,
 * and whoever uses it.
 */
export type SecretKind = 'credential' | 'invitation';

/** What is shorter than this, or of fewer characters, is found by chance. */
const MIN_SECRET_LENGTH = 8;
const MIN_DISTINCT = 4;
const CREDENTIALS = ['password', 'new_password', 'access_token', 'mac', 'nonce', 'login_token'];

/** A file that the processes of a test run add lines to; none where the run does not look at them afterwards. */
export function outputFile(name: OutputKind | SecretKind): string | undefined {
  const directory = process.env['TEST_OUTPUT_DIRECTORY'];
  return directory === undefined ? undefined : join(directory, name);
}

function append(name: OutputKind | SecretKind, text: string): void {
  const file = outputFile(name);
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}

/** Keeps what the software under test has put out, for a look at all of it at the end of the run. */
export const recordOutput = (kind: OutputKind, text: string): void => append(kind, text);

/** Keeps what must not be found in any output. */
function recordSecret(kind: SecretKind, secret: string): void {
  if (secret.length >= MIN_SECRET_LENGTH && new Set(secret).size >= MIN_DISTINCT) append(kind, JSON.stringify(secret));
}

/** One request with its answer: keeps the secrets of both, and the answer if it is an error. */
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
  if (typeof body === 'string') recordSecretsOf(body);
  if (answer.status < 400) recordSecretsOf(answer.text);
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
