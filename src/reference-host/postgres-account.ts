import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The account `nobody`. PostgreSQL refuses to run as root. */
const NOBODY = { uid: 65_534, gid: 65_534 };

/** As whom PostgreSQL's programs run. */
export interface PostgresAccount {
  /** Who must own the cluster; absent if that is whoever runs this process. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly spawn: (program: string, args: readonly string[], stdio: StdioOptions) => ChildProcess;
}

type Owner = NonNullable<PostgresAccount['owner']>;
interface Wrapper {
  readonly command: readonly string[];
  readonly credentials: Partial<Owner>;
}

/** Ways of leaving root, the one that keeps least privileges first. */
const WAYS_DOWN: readonly ((owner: Owner) => Wrapper)[] = [
  (owner) => ({ command: [], credentials: owner }),
  // Below a directory that only root may enter, such as /root. PostgreSQL also asks access(2), which heeds
  // capabilities of an ordinary user only with `no_setuid_fixup`.
  ({ uid, gid }) => ({
    command: [
      'setpriv',
      `--reuid=${uid}`,
      `--regid=${gid}`,
      '--clear-groups',
      '--inh-caps=+dac_override',
      '--ambient-caps=+dac_override',
      '--securebits=+no_setuid_fixup',
    ],
    credentials: {},
  }),
];

function wrap({ command }: Wrapper, program: string, args: readonly string[]): [string, string[]] {
  const [first = program, ...rest] = [...command, program, ...args];
  return [first, rest];
}

/** Only what PostgreSQL needs: `PGPORT`, `PGDATA`, `LD_LIBRARY_PATH` and the like are meant for others. */
const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], LC_ALL: 'C' });

async function canReach(wrapper: Wrapper, paths: readonly string[]): Promise<boolean> {
  const checks = paths.flatMap((path, index) => (index === 0 ? ['-x', path] : ['-a', '-x', path]));
  const [program, args] = wrap(wrapper, 'test', checks);
  return run(program, args, { ...wrapper.credentials, cwd: '/' }).then(
    () => true,
    () => false,
  );
}

async function existingOwner(clusterDir: string): Promise<Owner | undefined> {
  const stats = await stat(clusterDir).catch(() => undefined);
  return stats === undefined || stats.uid === 0 ? undefined : { uid: stats.uid, gid: stats.gid };
}

async function wayDown(owner: Owner, paths: readonly string[]): Promise<Wrapper> {
  for (const way of WAYS_DOWN) {
    const wrapper = way(owner);
    if (await canReach(wrapper, paths)) return wrapper;
  }
  throw new Error(
    `PostgreSQL does not run as root, and user ${owner.uid} can't get at ${paths.join(' and ')}. ` +
      `Run as an ordinary user, put these below directories that everybody may enter, or set DATABASE_URL.`,
  );
}

/**
 * Finds out as whom to run PostgreSQL: as this process's user, or, started by root, as the owner of the cluster and
 * `nobody` when it is new.
 * @param paths what PostgreSQL must be able to reach: its programs and the directory around the cluster
 * @throws Error when root can't lend the cluster's owner the way to `paths`
 */
export async function postgresAccount(clusterDir: string, paths: readonly string[]): Promise<PostgresAccount> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? ((await existingOwner(clusterDir)) ?? NOBODY) : undefined;
  const wrapper = owner === undefined ? { command: [], credentials: {} } : await wayDown(owner, paths);
  return {
    ...(owner === undefined ? {} : { owner }),
    spawn: (program, programArgs, stdio) => {
      const [first, args] = wrap(wrapper, program, programArgs);
      // Detached: Ctrl-C in the terminal is for the homeserver, which stops PostgreSQL after its last query.
      return spawn(first, args, { ...wrapper.credentials, cwd: '/', env: environment(), stdio, detached: true });
    },
  };
}
