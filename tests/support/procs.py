# SPDX-License-Identifier: MIT
"""procs.py -- the processes of a running vncserverd, and what root can do to them from outside.

    of(server)               {"monitor": [pid], "key": [pid], "session": [pid, ...], "desktop": [pid],
                             "cloud": [pid]}
    status(pid)              /proc/PID/status as a dictionary
    steal(pid, fd)           a copy of another process's descriptor
    memory(pid)              (address, bytes) of all that it can read
"""
import ctypes
import os
import re

NAMES = {"vncserverd-key": "key", "vncserverd-session": "session", "vncserverd-desktop": "desktop",
         "vncserverd-cloud": "cloud"}
LIBC = ctypes.CDLL(None, use_errno=True)
PIDFD_OPEN, PIDFD_GETFD = 434, 438  # the same on all architectures


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as f:
            return [int(p) for p in f.read().split()]
    except (FileNotFoundError, ProcessLookupError):
        return []


def below(pid):
    """All descendants."""
    return [p for child in children(pid) for p in [child, *below(child)]]


def name(pid):
    """What it was started as; "" for one that is ending."""
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as f:
            return os.path.basename(f.read().split(b"\0")[0].decode())
    except (FileNotFoundError, ProcessLookupError):
        return ""


def of(server):
    out = {"monitor": [server.pid], "key": [], "session": [], "desktop": [], "cloud": []}
    for pid in children(server.pid):
        kind = NAMES.get(name(pid))
        if kind:
            out[kind].append(pid)
    return out


def status(pid):
    with open(f"/proc/{pid}/status", encoding="ascii", errors="replace") as f:
        return dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line)


def limits(pid):
    """{"Max open files": hard limit}"""
    with open(f"/proc/{pid}/limits", encoding="ascii") as f:
        rows = [re.split(r"\s{2,}", line.strip()) for line in f.readlines()[1:]]
    return {row[0]: row[2] for row in rows}


def is_gone(pid):
    """Ended and waited for."""
    return not os.path.exists(f"/proc/{pid}")


def descriptors(pid):
    """{fd: what it is}"""
    out = {}
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            out[int(fd)] = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            pass
    return out


def steal(pid, fd):
    """As whoever has broken into the process: a copy of its descriptor. None where the kernel refuses that to us."""
    pidfd = LIBC.syscall(PIDFD_OPEN, pid, 0)
    if pidfd < 0:
        return None
    copy = LIBC.syscall(PIDFD_GETFD, pidfd, fd, 0)
    os.close(pidfd)
    return copy if copy >= 0 else None


def mappings(pid):
    """(from, to, permissions, name)"""
    with open(f"/proc/{pid}/maps", encoding="utf-8", errors="replace") as f:
        for line in f:
            found = re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+) \S+ \S+ \S+ *(.*)", line)
            yield int(found.group(1), 16), int(found.group(2), 16), found.group(3), found.group(4)


def memory(pid):
    if is_gone(pid):
        return
    with open(f"/proc/{pid}/mem", "rb", 0) as f:
        for start, end, permissions, what in mappings(pid):
            if "r" not in permissions or what in ("[vvar]", "[vsyscall]", "[vvar_vclock]"):
                continue
            data = bytearray()
            try:
                f.seek(start)
                while start + len(data) < end:
                    part = f.read(min(end - start - len(data), 1 << 22))
                    if not part:
                        break
                    data += part
            except (OSError, ValueError):
                pass  # guard pages
            yield start, bytes(data)


def kilobytes(pid, *fields):
    """The sum of these fields of smaps_rollup."""
    with open(f"/proc/{pid}/smaps_rollup", encoding="ascii") as f:
        text = f.read()
    return sum(int(re.search(rf"^{field}:\s+(\d+) kB", text, re.M).group(1)) for field in fields)


def switches(pid):
    total = 0
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/status", encoding="ascii") as f:
            total += sum(int(line.split()[1]) for line in f if line.startswith("voluntary_ctxt_switches"))
    return total


def cpu_ms(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        fields = f.read().rsplit(")", 1)[1].split()
    return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
