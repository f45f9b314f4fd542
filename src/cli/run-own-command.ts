import { isRecord } from '../json.ts';
import { parseCommandLine } from './arguments.ts';
import { tailAudit } from './audit-tail.ts';
import { completionScript } from './completion.ts';
import { type Connection, connect } from './connect.ts';
import { CommandError, EXIT } from './exit-code.ts';
import { followJob } from './follow.ts';
import type { OwnCommand } from './own-commands.ts';
import type { Surroundings } from './run.ts';
import { createLineReader } from './secrets.ts';
import { showAnswer } from './show-answer.ts';

/** Runs a command that the program itself implements: `completion`, `serve`, `jobs watch` or `audit tail`. */
export async function runOwnCommand(
  command: OwnCommand,
  args: readonly string[],
  { terminal, signal }: Surroundings,
): Promise<void> {
  const { global, options, positionals } = parseCommandLine(args, command.options);
  const words = positionals.slice(command.name.split(' ').length);
  if (global.help === true) {
    const { helpOfOwnCommand } = await import('./help.ts');
    terminal.stdout.write(helpOfOwnCommand(command));
    return;
  }
  if (command.name === 'completion') {
    terminal.stdout.write(completionScript(words[0]));
    return;
  }
  if (command.name === 'serve') {
    const { serve } = await import('./serve.ts');
    return serve(global, options, terminal, signal);
  }
  const reader = createLineReader(terminal, signal);
  let connection: Connection | undefined;
  const asJson = global.json === true;
  try {
    if (command.name === 'jobs watch') {
      const [jobId] = words;
      if (jobId === undefined)
        throw new CommandError(EXIT.usage, 'Name a job: matrix-admin jobs list shows the ids of jobs.');
      connection = await connect({ operation: 'getJob', effect: 'read' }, global, terminal, reader);
      const job = await followJob(connection, jobId, terminal, signal);
      showAnswer(terminal, { job_id: jobId, ...(isRecord(job.result) && job.result) }, asJson);
    } else {
      connection = await connect({ operation: 'listAudit', effect: 'read' }, global, terminal, reader);
      await tailAudit(connection, terminal, { follow: options['follow'] !== false, asJson, signal });
    }
  } finally {
    reader.close();
    await connection?.close();
  }
}
