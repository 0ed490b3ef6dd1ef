#!/usr/bin/env bash
# Sources Vivado's settings where XILINX names a mounted installation, then runs the command.
set -e
if [ -n "${XILINX:-}" ]; then
  if [ ! -f "$XILINX/settings64.sh" ]; then
    echo "finn-entry: XILINX is $XILINX, which has no settings64.sh; mount the installation there with -v" >&2
    exit 7
  fi
  source "$XILINX/settings64.sh"
fi
exec "$@"
