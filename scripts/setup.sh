#!/usr/bin/env bash
# Makes .venv with the package and the extras given as arguments (for instance: dev train).
# Debian packages that are missing are installed where this user may, and named where not.
set -euo pipefail
cd "$(dirname "$0")/.."
extras=$(IFS=,; echo "$*")

suitable() { "$1" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && suitable "$candidate"; then echo "$candidate"; return; fi
  done
}

missing=()
[ -n "$(find_python)" ] || missing+=(python3 python3-venv)
command -v g++ >/dev/null || missing+=(g++)
command -v make >/dev/null || missing+=(make)
if [ ${#missing[@]} -gt 0 ]; then
  as_root=""
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  if command -v apt-get >/dev/null && $as_root true 2>/dev/null; then
    echo "setup: installing ${missing[*]}"
    $as_root apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq "${missing[@]}" >/dev/null
  else
    echo "setup: missing ${missing[*]}; install them, for instance: sudo apt-get install ${missing[*]}" >&2
    exit 7
  fi
fi

python=$(find_python)
if [ -z "$python" ]; then
  echo "setup: Python 3.11 or newer is needed; install it and name it: make demo PYTHON=/path/to/python3.11" >&2
  exit 7
fi

[ -x .venv/bin/python ] || "$python" -m venv .venv
echo "setup: installing bnn-hw${extras:+[$extras]} into .venv (a few minutes the first time)"
.venv/bin/python -m pip install --quiet --disable-pip-version-check \
  --constraint requirements.lock --editable ".${extras:+[$extras]}"
