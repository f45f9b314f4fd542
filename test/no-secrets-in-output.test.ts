import { existsSync, readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { type OutputKind, outputFile, type SecretKind } from './support/test-output.ts';

const linesOf = (name: OutputKind | SecretKind): string[] => {
  const file = outputFile(name);
  return file === undefined || !existsSync(file) ? [] : readFileSync(file, 'utf8').split('\n').slice(0, -1);
};
const secretsOf = (kind: SecretKind): string[] => [...new Set(linesOf(kind))].map((line) => JSON.parse(line));

/** Finds secrets in a text. Returns each one with the text around it. */
function findings(secrets: readonly string[], text: string): string[] {
  return secrets.flatMap((secret) => {
    const at = text.indexOf(secret);
    return at < 0 ? [] : [text.slice(Math.max(at - 100, 0), at + secret.length + 100)];
  });
}

it('leaves no password, token, MAC or nonce in the output of all other tests', () => {
  const records = linesOf('record');
  const errors = linesOf('error');
  const credentials = secretsOf('credential');
  const invitations = secretsOf('invitation');
  // A run of all tests has many more records than these.
  expect(records.length).toBeGreaterThan(0);
  expect(credentials.length).toBeGreaterThan(0);
  expect(findings([...credentials, ...invitations], records.join('\n'))).toEqual([]);
  expect(findings(credentials, errors.join('\n'))).toEqual([]);
});
