import { isRecord } from '../json.ts';
import type { Command } from './command.ts';
import { confirm, needsConfirmation } from './confirm.ts';
import type { Connection } from './connect.ts';
import { followJob } from './follow.ts';
import type { GlobalValues } from './options.ts';
import type { LineReader } from './secrets.ts';
import { showAnswer } from './show-answer.ts';
import type { Terminal } from './terminal.ts';

interface OperationCall {
  readonly command: Command;
  readonly input: Readonly<Record<string, unknown>>;
  readonly connection: Connection;
  readonly terminal: Terminal;
  readonly reader: LineReader;
  readonly signal: AbortSignal;
  readonly global: GlobalValues;
}

/**
 * Runs the operation of a command, and prints the answer. Before a destructive operation, asks the person at the terminal for a
 * confirmation, unless the option `--yes` is given. If the operation is a job, shows its progress until its end, unless the
 * option `--no-wait` is given. With `--dry-run`, only prints what the operation would do.
 */
export async function callOperation(call: OperationCall): Promise<void> {
  const { command, input, connection, terminal, reader, signal, global } = call;
  const isDryRun = input['dryRun'] === true;
  const asJson = global.json === true;
  if (!isDryRun && global.yes !== true && needsConfirmation(command)) {
    await confirm(command, input, connection, terminal, reader, signal);
  }
  if (command.effect !== 'job' || isDryRun) {
    showAnswer(terminal, await connection.client.request(command.operation, input, { signal }), asJson);
    return;
  }
  const jobId = await connection.client.startJob(command.operation, input);
  if (global.wait === false) {
    showAnswer(terminal, { job_id: jobId }, asJson);
    return;
  }
  const job = await followJob(connection, jobId, terminal, signal);
  showAnswer(terminal, { job_id: jobId, ...(isRecord(job.result) && job.result) }, asJson);
}
