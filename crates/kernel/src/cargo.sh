#!/bin/sh
# The kernel's cargo. evcxr begins with a package that depends on nothing, for which cargo empties Cargo.lock; at the
# first :dep it would then ask the network for the newest version of everything. This puts the wanted versions
# back, so that kernels start without a network and compile what was prepared.
if [ . -ef "$EVCXR_TMPDIR" ] && [ "$(wc -l < Cargo.lock 2>/dev/null || echo 0)" -lt 10 ]; then
    # Whole or not at all: half a file, from a full disk, would be an error ever after.
    cp "$LIVE_LOCK" Cargo.lock.part && mv Cargo.lock.part Cargo.lock || { rm -f Cargo.lock.part; exit 1; }
fi
PATH=${PATH#*:}
exec cargo "$@"
