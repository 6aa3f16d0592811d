"""Which system calls a sandboxed decoder may make; everything else is denied.

Numbers are those of the Linux headers, x86_64 (`asm/unistd_64.h`) and aarch64 (`asm-generic/unistd.h`); None: the call
does not exist there. A call that no table lists answers ENOSYS, so that libraries fall back to an older one.
"""

from __future__ import annotations

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
