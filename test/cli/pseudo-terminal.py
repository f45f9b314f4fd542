"""Runs a program on a pseudo-terminal, types what the steps say, and prints what a person would have seen.

Reads JSON from the standard input: argv, env, cwd, rows, columns, and steps. A step waits for a regular expression in the output
since the last step (expect), and then sends text (send), resizes the terminal (resize), or reads /proc (inspect).
Prints JSON: output, code, and inspected (command line and environment of the program).
"""
import fcntl, json, os, pty, re, select, struct, sys, termios, time

task = json.load(sys.stdin)
pid, terminal = pty.fork()
if pid == 0:
    os.chdir(task["cwd"])
    os.execvpe(task["argv"][0], task["argv"], task["env"])


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


resize(task.get("rows", 24), task.get("columns", 80))
output = ""
seen = 0
inspected = None
deadline = time.time() + task.get("limit", 60)


def read():
    global output
    ready, _, _ = select.select([terminal], [], [], 0.1)
    if not ready:
        return True
    try:
        data = os.read(terminal, 65536)
    except OSError:
        return False
    output += data.decode("utf-8", "replace")
    return data != b""


failed = None
for step in task["steps"]:
    pattern = re.compile(step["expect"])
    open_ = True
    while (match := pattern.search(output, seen)) is None:
        if not open_ or time.time() > deadline:
            failed = step["expect"]
            break
        open_ = read()
    if failed:
        break
    seen = match.end()
    if "resize" in step:
        resize(*step["resize"])
    if step.get("inspect"):
        with open(f"/proc/{pid}/cmdline") as line, open(f"/proc/{pid}/environ") as environment:
            inspected = line.read() + environment.read()
    if "send" in step:
        os.write(terminal, step["send"].encode())
while failed is None and read() and time.time() < deadline:
    pass
if failed or time.time() > deadline:
    os.kill(pid, 9)
_, status = os.waitpid(pid, 0)
json.dump({"output": output, "code": os.waitstatus_to_exitcode(status), "failed": failed, "inspected": inspected}, sys.stdout)
