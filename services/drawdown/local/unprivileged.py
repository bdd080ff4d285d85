"""Run a command as `nobody`: `python unprivileged.py COMMAND…`, started by root on Linux.

Postgres refuses to run as root. The binaries and the data may lie below folders that only root
may enter (`/root`, a private temporary folder); rather than opening those folders to everybody,
the command keeps one capability, to pass them. A script of its own, without imports from
Drawdown, because privileges must be dropped in the child, between fork and exec.
"""

import ctypes
import os
import pwd
import sys

# linux/capability.h and linux/prctl.h
_CAP_DAC_OVERRIDE = 1
_CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522
_PR_SET_KEEPCAPS = 8
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2


def account() -> pwd.struct_passwd:
    """The account that root's Postgres runs as."""
    return pwd.getpwnam("nobody")


def drop(keeping: int | None) -> None:
    """Become `nobody`, for good, `keeping` at most one capability across exec."""
    libc = ctypes.CDLL(None, use_errno=True)
    if keeping is not None:
        _check(libc.prctl(_PR_SET_KEEPCAPS, 1, 0, 0, 0))
    nobody = account()
    os.setgroups([])
    os.setgid(nobody.pw_gid)
    os.setuid(nobody.pw_uid)
    if keeping is None:
        return
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    bit = 1 << keeping
    # Effective, permitted, inheritable: for the capabilities 0-31, then for 32-63.
    sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
    _check(libc.capset(header, sets))
    _check(libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, keeping, 0, 0))


def passing_capability() -> int | None:
    """The weaker one of the two that let a process enter any folder, if root has it here."""
    with open("/proc/self/status", encoding="ascii") as status:
        line = next(line for line in status if line.startswith("CapPrm:"))
    permitted = int(line.split()[1], 16)
    choices = (_CAP_DAC_READ_SEARCH, _CAP_DAC_OVERRIDE)
    return next((each for each in choices if permitted >> each & 1), None)


def _check(result: int) -> None:
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


if __name__ == "__main__":
    drop(passing_capability() if sys.platform == "linux" else None)
    os.execv(sys.argv[1], sys.argv[1:])
