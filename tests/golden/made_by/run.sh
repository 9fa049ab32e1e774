#!/bin/bash
# Runs a maker in namespaces of its own, so that leases name no real machine: host `lab` and an invented boot.
# run.sh TEST-PROGRAM MAKER
set -e
boot=$(mktemp)
echo 5e0f7a52-41c1-4d0b-9a54-0c3f2f4f7a10 > "$boot"
unshare --uts --mount --pid --fork --mount-proc bash -c '
    hostname lab
    mount --bind "$1" /proc/sys/kernel/random/boot_id
    exec "$2" "$3" --exact --nocapture' - "$boot" "$1" "$2"
