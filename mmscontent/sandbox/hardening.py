"""The hardening layers that a worker applies to itself; each reports whether it is in force.

`apply_early` runs while the worker has one thread and has loaded nothing: unshare(CLONE_NEWUSER) refuses a process with
several threads (unshare(2)), and Landlock restricts only the calling thread (landlock(7)). `apply_late` runs once the
libraries are loaded. No layer can be taken off again. What each is for: docs/security.md.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import platform
import resource
import signal
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

# Which system calls a sandboxed decoder may make; everything else is denied.
# Numbers are those of the Linux headers, x86_64 (asm/unistd_64.h) and aarch64 (asm-generic/unistd.h); None: the
# call does not exist there. A call that no table lists answers ENOSYS, so that libraries fall back to an older one.
Numbers = tuple[int | None, int | None]

ALLOWED: dict[str, Numbers] = {
    # Open descriptors: the parent's socket, and the libraries that are still loaded lazily.
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67),
    "preadv": (295, 69), "lseek": (8, 62), "close": (3, 57), "fstat": (5, 80), "fadvise64": (221, 223),
    "dup": (32, 23), "dup2": (33, None), "dup3": (292, 24), "pipe": (22, None), "pipe2": (293, 59),
    "eventfd2": (290, 19),
    # Paths: seccomp cannot read them, Landlock decides what may be opened. Names and sizes stay visible (landlock(7)).
    "stat": (4, None), "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "access": (21, None),
    "faccessat": (269, 48), "faccessat2": (439, 439), "readlink": (89, None), "readlinkat": (267, 78),
    "getcwd": (79, 17), "getdents64": (217, 61), "fstatfs": (138, 44), "statfs": (137, 43), "umask": (95, 166),
    # Waiting; ffmpeg and Python each use another one.
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "epoll_create1": (291, 20),
    "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    # The one socket that is already connected; a new one cannot be made.
    "recvfrom": (45, 207), "recvmsg": (47, 212), "sendto": (44, 206), "sendmsg": (46, 211), "shutdown": (48, 210),
    "getsockopt": (55, 209),
    # Memory: bounded by RLIMIT_AS. mprotect sets the guard pages of thread stacks.
    "mmap": (9, 222), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216), "madvise": (28, 233),
    "brk": (12, 214), "msync": (26, 227), "mincore": (27, 232), "mlock": (149, 228), "munlock": (150, 229),
    "mlock2": (325, 284), "membarrier": (324, 283),
    # Threads and their locks: libvips and every encoder work with several.
    "futex": (202, 98), "futex_waitv": (449, 449), "set_robust_list": (273, 99), "set_tid_address": (218, 96),
    "rseq": (334, 293), "sched_yield": (24, 124), "sched_getaffinity": (204, 123), "sched_getattr": (315, 275),
    "sched_getscheduler": (145, 120), "sched_getparam": (143, 121), "sched_get_priority_max": (146, 125),
    "sched_get_priority_min": (147, 126), "getcpu": (309, 168), "get_mempolicy": (239, 236),
    "getpriority": (140, 141),
    # Signals to itself (kill and tgkill are ARG_FILTERED).
    "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136),
    "rt_sigtimedwait": (128, 137), "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132),
    "restart_syscall": (219, 128), "pause": (34, None),
    # Time is read and waited for, never set.
    "clock_gettime": (228, 113), "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "nanosleep": (35, 101),
    "gettimeofday": (96, 169), "time": (201, None), "times": (100, 153), "getitimer": (36, 102),
    "setitimer": (38, 103),
    # Facts about the process and the machine. setrlimit can only lower: no capability is left (setrlimit(2)).
    "getpid": (39, 172), "gettid": (186, 178), "getppid": (110, 173), "getuid": (102, 174), "geteuid": (107, 175),
    "getgid": (104, 176), "getegid": (108, 177), "getgroups": (115, 158), "getpgid": (121, 155),
    "getpgrp": (111, None), "getsid": (124, 156), "getresuid": (118, 148), "getresgid": (120, 150),
    "getrusage": (98, 165), "getrlimit": (97, 163), "setrlimit": (160, 164), "uname": (63, 160),
    "sysinfo": (99, 179), "getrandom": (318, 278), "arch_prctl": (158, None), "capget": (125, 90),
    "exit": (60, 93), "exit_group": (231, 94),
}  # fmt: skip

# What ffmpeg may do besides: be executed once, and write files where Landlock lets it. The filter asks this table
# before ARG_FILTERED and DENIED, so a call that stands there as well is allowed.
PROGRAM_ALLOWED: dict[str, Numbers] = {
    "execve": (59, 221), "open": (2, None), "openat": (257, 56), "pwrite64": (18, 68), "pwritev": (296, 70),
    "ftruncate": (77, 46), "fallocate": (285, 47), "fsync": (74, 82), "fdatasync": (75, 83), "rename": (82, None),
    "renameat": (264, 38), "renameat2": (316, 276), "unlink": (87, None), "unlinkat": (263, 35),
}  # fmt: skip

# Answered with EPERM instead of an end: libraries try these and live without them (ctypes.util.find_library starts a
# compiler, for one).
DENIED: dict[str, Numbers] = {
    "sched_setaffinity": (203, 122), "socket": (41, 198), "socketpair": (53, 199), "connect": (42, 203),
    "bind": (49, 200), "listen": (50, 201), "accept": (43, 202), "accept4": (288, 242), "fork": (57, None),
    "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "tkill": (200, 130),
    "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
}  # fmt: skip

# End the process (SECCOMP_RET_KILL_PROCESS): no decoder has a use for these, only code that took it over.
KILL: dict[str, Numbers] = {
    # Other processes' memory and descriptors.
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    # Another view of the file system, and ways around paths.
    "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41), "move_mount": (429, 429),
    "open_tree": (428, 428), "fsopen": (430, 430), "fsmount": (432, 432), "fsconfig": (431, 431),
    "fspick": (433, 433), "mount_setattr": (442, 442), "chroot": (161, 51), "name_to_handle_at": (303, 264),
    "open_by_handle_at": (304, 265), "fanotify_init": (300, 262), "quotactl": (179, 60),
    # New namespaces, in which capabilities would come back (user_namespaces(7)).
    "setns": (308, 268), "unshare": (272, 97),
    # Kernel parts that most kernel exploits went through. What io_uring is told to do no filter sees.
    "bpf": (321, 280), "perf_event_open": (298, 241), "keyctl": (250, 219), "add_key": (248, 217),
    "request_key": (249, 218), "io_uring_setup": (425, 425), "io_uring_enter": (426, 426),
    "io_uring_register": (427, 427), "userfaultfd": (323, 282), "personality": (135, 92),
    "modify_ldt": (154, None),
    # The machine: modules, reboot, swap, ports, clock, name, log.
    "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "reboot": (169, 142), "swapon": (167, 224), "swapoff": (168, 225),
    "iopl": (172, None), "ioperm": (173, None), "acct": (163, 89), "settimeofday": (164, 170),
    "clock_settime": (227, 112), "adjtimex": (159, 171), "clock_adjtime": (305, 266), "sethostname": (170, 161),
    "setdomainname": (171, 162), "syslog": (103, 116),
    # Its own rights and its own filter.
    "seccomp": (317, 277), "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145),
    "setregid": (114, 143), "setresuid": (117, 147), "setresgid": (119, 149), "setgroups": (116, 159),
    "setfsuid": (122, 151), "setfsgid": (123, 152), "capset": (126, 91),
}  # fmt: skip

# Allowed by their arguments: see hardening._filter_argument.
ARG_FILTERED: dict[str, Numbers] = {
    "open": (2, None), "openat": (257, 56), "clone": (56, 220), "fcntl": (72, 25), "clone3": (435, 435),
    "kill": (62, 129), "tgkill": (234, 131), "prctl": (157, 167), "prlimit64": (302, 261), "ioctl": (16, 29),
}  # fmt: skip

_LINUX = sys.platform == "linux"
# Column of the tables above, and AUDIT_ARCH_* of linux/audit.h, which the filter compares (seccomp(2)).
_MACHINES = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}
_COLUMN, _AUDIT_ARCH = _MACHINES.get(platform.machine(), (-1, 0))
# System calls younger than Linux 5.1 have one number on every machine.
_LANDLOCK_CREATE, _LANDLOCK_ADD, _LANDLOCK_RESTRICT = 444, 445, 446

# LANDLOCK_ACCESS_FS_* by the ABI that brought them (landlock(7)): the first 13, then REFER, TRUNCATE, IOCTL_DEV.
_FS_RIGHTS = ((1, (1 << 13) - 1), (2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
# landlock(7), "VERSIONS": TCP rights since Linux 6.7, scopes since 6.12.
_NET_RIGHTS_ABI, _SCOPES_ABI = 4, 6
_STATM = "/proc/self/statm"
_EXECUTE, _READ_FILE, _READ_DIR = 1 << 0, 1 << 2, 1 << 3
# What ffmpeg may do in its folder: WRITE_FILE, read, list, REMOVE_FILE, MAKE_REG, TRUNCATE.
_FOLDER_RIGHTS = (1 << 1) | _READ_FILE | _READ_DIR | (1 << 5) | (1 << 8) | (1 << 14)
# Hold the dynamic linker: execve(2) executes the interpreter that a program names (ELF PT_INTERP) as well.
_LOADERS = ("/lib", "/lib64", "/usr/lib", "/usr/lib64")
_SYSTEM_READABLE = (
    # Shared libraries, also those of Nix and Guix.
    "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/nix/store", "/gnu/store", "/etc/ld.so.cache",
    # Time zones for dates in files; what libraries ask about processors and memory to size their pools.
    "/etc/localtime", "/usr/share/zoneinfo", "/dev/null", "/dev/zero", "/dev/urandom",
    "/proc/cpuinfo", "/proc/meminfo", _STATM, "/sys/devices/system/cpu",
)  # fmt: skip

_PR_SET_PDEATHSIG, _PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 1, 4, 38
_PR_SET_NAME, _PR_GET_NAME, _PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS, _PR_SET_VMA = 15, 16, 21, 39, 0x53564D41
_CLONE_NEWIPC, _CLONE_NEWUSER, _CLONE_NEWNET, _CLONE_THREAD = 0x08000000, 0x10000000, 0x40000000, 0x00010000
# libvips wants a thread per processor and pipeline, x264 one and a half per processor; a fork bomb wants more.
_MAX_THREADS = 256
# Of -1000 to 1000 (proc_pid_oom_score_adj(5)): chosen before its parent, after what asks for 1000. Raising it needs no
# privilege, lowering it does, so a taken-over worker cannot take it back.
_OOM_SCORE = "900"

# SECCOMP_RET_KILL_PROCESS, _ALLOW and _ERRNO (the errno in the low 16 bits), see seccomp(2).
_RET_KILL, _RET_ALLOW, _RET_ERRNO = 0x80000000, 0x7FFF0000, 0x00050000
# The flags of open(2) that write: O_WRONLY or O_RDWR, O_CREAT, O_TRUNC, O_TMPFILE.
_OPEN_FLAGS = 0o3 | 0o100 | 0o1000 | 0o20000000
# __X32_SYSCALL_BIT: x86_64 kernels may serve a second table of numbers under the same AUDIT_ARCH (seccomp(2)).
_X32 = 0x40000000


@dataclass(frozen=True, slots=True)
class HardeningLayer:
    """One layer as a worker found it; *detail* tells what it does, or why it is not in force."""

    name: str
    in_force: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ResourceLimits:
    """The resource limits of one worker; see SandboxLimits for their meaning."""

    memory_bytes: int
    file_bytes: int
    open_files: int


@dataclass(frozen=True, slots=True)
class Allowances:
    """What a worker that becomes another program may do besides.

    Attributes:
        folder: Files may be made, written and removed here; "" for nowhere.
        program: This one file may be executed.
    """

    folder: str
    program: str


class LayerUnavailable(Exception):
    """A layer could not be applied; the text says why."""


def apply_early(
    readable: Iterable[str], parent_pid: int, allowances: Allowances | None = None
) -> tuple[HardeningLayer, ...]:
    """Apply the layers that must come before any library is loaded; code is loaded from the *readable* folders."""
    return (
        _apply("user and network namespace", _own_namespaces),
        _apply("capabilities", _drop_capabilities),
        _apply("ends with its parent", lambda: _end_with(parent_pid)),
        _apply("out-of-memory first", _prefer_oom_kill),
        _apply("no new privileges", _no_new_privileges),
        _apply("landlock", lambda: _landlock((*_SYSTEM_READABLE, *readable), allowances)),
    )


def apply_late(
    limits: ResourceLimits, *, own_user_namespace: bool, allowances: Allowances | None = None
) -> tuple[HardeningLayer, ...]:
    """Apply the layers that must come after the libraries are loaded."""
    return (
        _apply("memory limit", lambda: _limit_memory(limits.memory_bytes), linux_only=False),
        _apply("file size limit", lambda: _limit("RLIMIT_FSIZE", limits.file_bytes, "bytes a file"), linux_only=False),
        _apply("open files limit", lambda: _limit("RLIMIT_NOFILE", limits.open_files, "open files"), linux_only=False),
        # A core file would hold the media of customers, on a disk we do not clean.
        _apply("no core dumps", lambda: _limit("RLIMIT_CORE", 0, "bytes of core"), linux_only=False),
        _apply("threads limit", lambda: _limit_threads(own_user_namespace=own_user_namespace)),
        _apply("not dumpable", _not_dumpable),
        # Last, as it refuses most of the calls above.
        _apply("system calls", lambda: _filter_system_calls(allowances)),
    )


def limit_cpu(seconds: float) -> None:
    """Let the process use so many more seconds of processor time, all threads together."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    # RLIMIT_CPU counts whole seconds since the process began (setrlimit(2)). Only the soft limit moves: the hard one
    # could never be raised again for the next call.
    soft = int(used.ru_utime + used.ru_stime + seconds) + 1
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    resource.setrlimit(resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _apply(name: str, layer: Callable[[], str], *, linux_only: bool = True) -> HardeningLayer:
    if linux_only and not _LINUX:
        return HardeningLayer(name, in_force=False, detail=f"only on Linux, this is {sys.platform}")
    try:
        return HardeningLayer(name, in_force=True, detail=layer())
    except (LayerUnavailable, OSError, ValueError) as exc:
        return HardeningLayer(name, in_force=False, detail=str(exc))


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def _check(what: str, result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise LayerUnavailable(f"{what}: {errno.errorcode.get(number, number)} {os.strerror(number)}")
    return result


def _syscall(what: str, number: int, *args: object) -> int:
    return _check(what, _libc().syscall(ctypes.c_long(number), *args))


def _prctl(what: str, option: int, value: int) -> None:
    # PR_SET_NO_NEW_PRIVS demands zeros for the arguments it does not use (PR_SET_NO_NEW_PRIVS(2const)); ctypes would
    # pass a plain 0 as 32 bits and leave the upper half undefined.
    zero = ctypes.c_ulong(0)
    _check(what, _libc().prctl(option, ctypes.c_ulong(value), zero, zero, zero))


def _own_namespaces() -> str:
    """A network namespace of its own has no interface, not even a loopback that is up (network_namespaces(7))."""
    before = os.readlink("/proc/self/ns/net")  # noqa: PTH115 - pathlib is not imported before the layers are on
    # A user namespace gives the right to make the network one; where user namespaces are off, root still has it.
    if _libc().unshare(_CLONE_NEWUSER | _CLONE_NEWNET | _CLONE_NEWIPC) < 0:
        _check("unshare", _libc().unshare(_CLONE_NEWNET | _CLONE_NEWIPC))
    # Success alone proves nothing: an emulated kernel may ignore the flags.
    if os.readlink("/proc/self/ns/net") == before:  # noqa: PTH115 - as above
        raise LayerUnavailable("unshare changed nothing")
    return "own network without an interface, own System V objects"


def _drop_capabilities() -> str:
    if _COLUMN < 0:
        raise LayerUnavailable(f"no system call table for {platform.machine()}")
    # capset(2): _LINUX_CAPABILITY_VERSION_3 and pid 0 (itself); effective, permitted and inheritable, twice 32 bits.
    header = ctypes.create_string_buffer(struct.pack("=Ii", 0x20080522, 0))
    nothing = ctypes.create_string_buffer(struct.pack("=6I", *([0] * 6)))
    _syscall("capset", KILL["capset"][_COLUMN] or 0, header, nothing)
    return "none kept"


def _end_with(parent_pid: int) -> str:
    # After unshare and capset: a change of credentials clears this setting (PR_SET_PDEATHSIG(2const)).
    _prctl("PR_SET_PDEATHSIG", _PR_SET_PDEATHSIG, signal.SIGKILL)
    # Where the parent ended before the setting, no signal would ever come.
    if os.getppid() != parent_pid:
        raise SystemExit("the parent is gone")
    return "killed when the process that started it ends"


def _prefer_oom_kill() -> str:
    with open("/proc/self/oom_score_adj", "w", encoding="ascii") as score:  # noqa: PTH123 - as in _own_namespaces
        score.write(_OOM_SCORE)
    return "the kernel ends it before its parent"


def _no_new_privileges() -> str:
    # Landlock and seccomp both demand it of a process without CAP_SYS_ADMIN (landlock(7), seccomp(2)).
    _prctl("PR_SET_NO_NEW_PRIVS", _PR_SET_NO_NEW_PRIVS, 1)
    return "nothing it starts can gain rights"


def _landlock(readable: Iterable[str], allowances: Allowances | None) -> str:
    """Handle every right this kernel knows, then allow reading beneath the given paths."""
    abi = _syscall("landlock", _LANDLOCK_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint(1))  # CREATE_RULESET_VERSION
    rights = sum(bits for since, bits in _FS_RIGHTS if abi >= since)
    # struct landlock_ruleset_attr grew with the ABI; an older kernel refuses the longer one with E2BIG.
    attributes = struct.pack("=Q", rights)
    if abi >= _NET_RIGHTS_ABI:
        attributes += struct.pack("=Q", 0b11)  # TCP bind and connect
    if abi >= _SCOPES_ABI:
        attributes += struct.pack("=Q", 0b11)  # abstract sockets and signals stay inside
    ruleset = _syscall(
        "landlock_create_ruleset", _LANDLOCK_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint(0)
    )
    try:
        for path in dict.fromkeys(readable):
            _allow(ruleset, path, _READ_FILE | _READ_DIR)
        if allowances is not None:
            _allow(ruleset, allowances.folder, _FOLDER_RIGHTS & rights)
            for path in (allowances.program, *_LOADERS):
                _allow(ruleset, path, _EXECUTE | _READ_FILE)
        _syscall("landlock_restrict_self", _LANDLOCK_RESTRICT, ctypes.c_int(ruleset), ctypes.c_uint(0))
    finally:
        os.close(ruleset)
    # As above: it must show that it is enforced.
    with contextlib.suppress(PermissionError):
        os.scandir("/").close()
        raise LayerUnavailable("the root folder can still be listed")
    does = f"writes in {allowances.folder or 'nothing'}, runs one program" if allowances else "writes and runs nothing"
    return f"ABI {abi}: reads the folders of Python and the system's libraries, {does}"


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)  # type: ignore[attr-defined, unused-ignore]  # Linux only
    except OSError:
        return  # a path that does not exist needs no rule
    try:
        # A rule for a file may hold rights of files only, else EINVAL (landlock_add_rule(2)).
        if not os.path.isdir(path):  # noqa: PTH112 - as in _own_namespaces
            rights &= ~_READ_DIR
        rule = struct.pack("=Qi", rights, opened)
        what, path_beneath = f"landlock_add_rule {path}", ctypes.c_int(1)
        _syscall(what, _LANDLOCK_ADD, ctypes.c_int(ruleset), path_beneath, rule, ctypes.c_uint(0))
    finally:
        os.close(opened)


def _limit(name: str, value: int, unit: str) -> str:
    which = getattr(resource, name)
    hard = resource.getrlimit(which)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(which, (value, value))
    return f"at most {value:,} {unit}"


def _limit_memory(more_bytes: int) -> str:
    """Limit what may be mapped in addition to the libraries, which map much more than they use."""
    mapped_bytes = 0
    if _LINUX:
        with open(_STATM, encoding="ascii") as pages:  # noqa: PTH123 - as in _own_namespaces
            mapped_bytes = int(pages.read().split()[0]) * resource.getpagesize()
    # RLIMIT_AS and not RLIMIT_DATA or RLIMIT_RSS: the first leaves shared mappings out, the second has no effect
    # since Linux 2.4.30 (setrlimit(2)).
    detail = _limit("RLIMIT_AS", mapped_bytes + more_bytes, "bytes mapped")
    if not _LINUX:
        raise LayerUnavailable("RLIMIT_AS is set, this kernel does not keep it")
    return f"{detail}, {more_bytes:,} of them after start"


def _limit_threads(*, own_user_namespace: bool) -> str:
    # RLIMIT_NPROC counts all processes of the user (setrlimit(2)), within the user namespace.
    if not own_user_namespace:
        raise LayerUnavailable(
            "needs an own user namespace, else the user's other programs count; forks are refused by the filter"
        )
    return _limit("RLIMIT_NPROC", _MAX_THREADS, "threads")


def _not_dumpable() -> str:
    # Late, as /proc/self then belongs to root and the early layers could not write there (PR_SET_DUMPABLE(2const)).
    _prctl("PR_SET_DUMPABLE", _PR_SET_DUMPABLE, 0)
    return "other processes of the same user cannot attach or read its memory"


def _filter_system_calls(allowances: Allowances | None) -> str:
    """Install the filter over all threads at once: libraries have started some by now."""
    if _COLUMN < 0:
        raise LayerUnavailable(f"no system call table for {platform.machine()}")
    program = _program(os.getpid(), allowances)
    code = ctypes.create_string_buffer(b"".join(program))
    filter_ = struct.pack("@HP", len(program), ctypes.addressof(code))  # struct sock_fprog
    set_filter, all_threads = ctypes.c_uint(1), ctypes.c_ulong(1)  # SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC
    failed = _syscall("seccomp", KILL["seccomp"][_COLUMN] or 0, set_filter, all_threads, filter_)
    # SECCOMP_FILTER_FLAG_TSYNC returns the id of a thread that could not be synchronized (seccomp(2)).
    if failed:
        raise LayerUnavailable(f"thread {failed} could not be bound")
    if _libc().prctl(_PR_GET_SECCOMP, 0, 0, 0, 0) != 2:  # noqa: PLR2004 - SECCOMP_MODE_FILTER
        raise LayerUnavailable("the kernel says no filter is on")
    if allowances is not None:
        return f"{len(ALLOWED) + len(ARG_FILTERED) + len(PROGRAM_ALLOWED)} calls allowed, no process, no socket"
    return f"{len(ALLOWED) + len(ARG_FILTERED)} calls allowed, no process, no program, no socket, no opening to write"


def _program(pid: int, allowances: Allowances | None) -> list[bytes]:
    """The filter as classic BPF over struct seccomp_data: number at 0, architecture at 4, arguments from 16."""
    allowed = {**ALLOWED, **PROGRAM_ALLOWED} if allowances is not None else ALLOWED
    # seccomp(2), Caveats: check the architecture first, as numbers mean other calls on another one.
    lines = [_load(4), _jump(0x15, _AUDIT_ARCH, 1, 0), _return(_RET_KILL), _load(0)]
    if _COLUMN == 0:
        lines += [_jump(0x35, _X32, 0, 1), _return(_RET_KILL)]
    for table, verdict in ((allowed, _RET_ALLOW), (DENIED, _RET_ERRNO | errno.EPERM), (KILL, _RET_KILL)):
        for numbers in table.values():
            number = numbers[_COLUMN]
            if number is not None:
                lines += [_jump(0x15, number, 0, 1), _return(verdict)]
    for name, numbers in ARG_FILTERED.items():
        number = numbers[_COLUMN]
        if number is not None:
            body = _filter_argument(name, pid)
            lines += [_jump(0x15, number, 0, len(body)), *body]
    return [*lines, _return(_RET_ERRNO | errno.ENOSYS)]


def _filter_argument(name: str, pid: int) -> list[bytes]:
    """The lines that decide a call by one argument; every way through them returns."""
    refuse = _return(_RET_ERRNO | errno.EPERM)
    match name:
        case "open" | "openat":
            flags = _load_argument(1 if name == "open" else 2)
            return [flags, _jump(0x45, _OPEN_FLAGS, 0, 1), _return(_RET_ERRNO | errno.EACCES), _return(_RET_ALLOW)]
        # CLONE_THREAD makes a thread of this process; without it clone(2) is fork.
        case "clone":
            return [_load_argument(0), _jump(0x45, _CLONE_THREAD, 0, 1), _return(_RET_ALLOW), refuse]
        # Its flags lie in memory, which no filter can read; glibc falls back to clone on ENOSYS.
        case "clone3":
            return [_return(_RET_ERRNO | errno.ENOSYS)]
        # abort(3) and raise(3) signal the process itself; the first argument of both is the process.
        case "kill" | "tgkill":
            return _one_of(0, (pid,), refuse)
        # getrlimit(3) and setrlimit(3) of libc are prlimit with pid 0, the caller.
        case "prlimit64":
            return _one_of(0, (0, pid), refuse)
        # Thread names, queries, names of mappings (malloc of glibc); nothing that changes rights.
        case "prctl":
            return _one_of(0, (_PR_SET_NAME, _PR_GET_NAME, _PR_GET_SECCOMP, _PR_GET_NO_NEW_PRIVS, _PR_SET_VMA), refuse)
        # F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_DUPFD_CLOEXEC; F_SETOWN would send signals to others.
        case "fcntl":
            return _one_of(1, (0, 1, 2, 3, 4, 1030), refuse)
        # ioctl: TCGETS (isatty), FIONREAD, FIONBIO, FIONCLEX, FIOCLEX; ENOTTY is what a plain file answers. TIOCSTI
        # would type into a terminal.
        case _:
            return _one_of(1, (0x5401, 0x541B, 0x5421, 0x5450, 0x5451), _return(_RET_ERRNO | errno.ENOTTY))


def _one_of(argument: int, values: tuple[int, ...], otherwise: bytes) -> list[bytes]:
    tests = [line for v in values for line in (_jump(0x15, v, 0, 1), _return(_RET_ALLOW))]
    return [_load_argument(argument), *tests, otherwise]


def _load(offset: int) -> bytes:
    return struct.pack("=HBBI", 0x20, 0, 0, offset)  # BPF_LD | BPF_W | BPF_ABS


def _load_argument(index: int) -> bytes:
    # The low half of 64 bits: both machines are little endian, and the kernel reads 32 bits of these arguments.
    return _load(16 + 8 * index)


def _jump(test: int, value: int, if_true: int, if_false: int) -> bytes:
    """*test* is 0x15 equal (BPF_JEQ), 0x35 at least (BPF_JGE), 0x45 any bit set (BPF_JSET)."""
    return struct.pack("=HBBI", test, if_true, if_false, value)


def _return(verdict: int) -> bytes:
    return struct.pack("=HBBI", 0x06, 0, 0, verdict)  # BPF_RET | BPF_K
