import { type ChildProcess, execFile, type StdioOptions, spawn } from 'node:child_process';
import { stat } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/**
 * The account `nobody`. If root starts the homeserver, PostgreSQL runs a new cluster under this account, because PostgreSQL
 * refuses to run as root.
 */
const NOBODY = { uid: 65_534, gid: 65_534 };

/** The operating system's account that runs PostgreSQL's programs. */
export interface PostgresAccount {
  /** The user and group that must own the cluster. Absent if the user of this process owns it. */
  readonly owner?: { readonly uid: number; readonly gid: number };
  readonly spawn: (program: string, args: readonly string[], stdio: StdioOptions) => ChildProcess;
}

type Owner = NonNullable<PostgresAccount['owner']>;
interface Wrapper {
  readonly command: readonly string[];
  readonly credentials: Partial<Owner>;
}

/** Ways in which root can start a program as another user. The way that keeps the fewest privileges comes first. */
const WAYS_DOWN: readonly ((owner: Owner) => Wrapper)[] = [
  (owner) => ({ command: [], credentials: owner }),
  // `setpriv` lets the other user pass folders that only root may enter, such as /root. PostgreSQL calls access(2), which
  // normally ignores such a permission (capability) of an ordinary user. `no_setuid_fixup` prevents this.
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

/**
 * Returns only the environment variables that PostgreSQL needs. The other variables of this process, such as `PGPORT`, `PGDATA`
 * or `LD_LIBRARY_PATH`, are meant for other programs.
 */
const environment = (): NodeJS.ProcessEnv => ({ PATH: process.env['PATH'], LC_ALL: 'C' });

/** Tells whether a program that `wrapper` starts may enter or run all `paths`. */
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
 * Chooses the account that runs PostgreSQL. This is the user of this process, unless that user is root. If it is root, the
 * owner of the cluster runs PostgreSQL. If the cluster is new, `nobody` owns it.
 * @param paths paths that PostgreSQL must reach: its programs, and the folder around the cluster
 * @throws Error if the cluster's owner cannot get access to `paths`
 */
export async function postgresAccount(clusterDir: string, paths: readonly string[]): Promise<PostgresAccount> {
  const isRoot = process.getuid?.() === 0;
  const owner = isRoot ? ((await existingOwner(clusterDir)) ?? NOBODY) : undefined;
  const wrapper = owner === undefined ? { command: [], credentials: {} } : await wayDown(owner, paths);
  return {
    ...(owner === undefined ? {} : { owner }),
    spawn: (program, programArgs, stdio) => {
      const [first, args] = wrap(wrapper, program, programArgs);
      // Detach PostgreSQL, so that Ctrl-C in the terminal stops only the homeserver. The homeserver stops PostgreSQL after its
      // own last query.
      return spawn(first, args, { ...wrapper.credentials, cwd: '/', env: environment(), stdio, detached: true });
    },
  };
}
