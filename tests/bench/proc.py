"""What Linux says of a process. All of it is read from /proc, so that measuring needs no package and little time."""

import os
from pathlib import Path

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
MIB = 1024 * 1024


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process has used, in user and in system mode."""
    return _ticks(pid)[0] / TICKS_PER_S


def family_cpu_seconds(pid: int) -> float:
    """Return the same of a process and all its children, those included that have ended."""
    own, ended = _ticks(pid)
    return (own + ended) / TICKS_PER_S + sum(map(_child_cpu_seconds, children(pid)))


def rss_mib(pid: int) -> float:
    """Return the memory a process has resident; what it shares with others is counted for each of them."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE_BYTES / MIB


def pss_mib(pid: int) -> float:
    """Return the same with shared memory divided among those that share it: the sum over processes is the truth."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"/proc/{pid}/smaps_rollup has no line Pss")


def children(pid: int) -> list[int]:
    """Return the process ids of those that a process has started, and that have not ended."""
    lists = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for children in lists for child in children.read_text().split()]


def _ticks(pid: int) -> tuple[int, int]:
    """Return the ticks that a process has used, and those of its children that have ended."""
    fields = [int(field) for field in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:15]]
    return fields[0] + fields[1], fields[2] + fields[3]


def _child_cpu_seconds(pid: int) -> float:
    try:
        return family_cpu_seconds(pid)
    except (FileNotFoundError, ProcessLookupError):
        return 0.0  # it has ended meanwhile; from now on its parent counts it
