"""How commands end: what the user has to mend is told in a line, and the same kind of end has the same exit code."""

import errno
import sys

FULL = "The disk is full, or your share of it: free some space, then run this again."


def told(error):
    """An error of the system, in words."""
    return f"{error}. {FULL}" if error.errno in (errno.ENOSPC, errno.EDQUOT) else str(error)


def ended(program, work, codes, stopped="stopped"):
    """Does the work and returns its exit code. `codes` has one for each kind of error that is the user's; after Ctrl-C it is 130."""
    try:
        return work() or 0
    except KeyboardInterrupt:
        what, code = stopped, 130
    except tuple(codes) as error:
        what, code = error, next(code for kind, code in codes.items() if isinstance(error, kind))
    except OSError as error:
        what, code = told(error), 1
    print(f"{program}: {what}", file=sys.stderr)
    return code
