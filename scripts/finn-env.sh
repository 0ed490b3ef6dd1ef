#!/usr/bin/env bash
# Makes FINN's own Python environment (1.5 GB) and checks that FINN starts in it.
#   scripts/finn-env.sh [FOLDER]      FOLDER is .venv-finn if left out
# FINN's pins do not resolve together with this project's, so it never shares an environment with it.
set -euo pipefail
cd "$(dirname "$0")/.."
folder=${1:-${BNN_HW_FINN_ENV:-.venv-finn}}

suitable() {
  "$1" -c 'import sys, venv, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null
}

find_python() {
  for candidate in "${PYTHON:-}" python3 python3.13 python3.12 python3.11; do
    if [ -n "$candidate" ] && suitable "$candidate"; then echo "$candidate"; return; fi
  done
}

python=$(find_python)
if [ -z "$python" ]; then
  echo "finn-env: Python 3.11, 3.12 or 3.13 with venv is needed; name it: make finn-env PYTHON=/path/to/python3.11" >&2
  exit 7
fi

[ -x "$folder/bin/python" ] || "$python" -m venv "$folder"
pip=("$folder/bin/python" -m pip install --quiet --disable-pip-version-check)
echo "finn-env: installing FINN into $folder (a few minutes the first time)"
"${pip[@]}" --requirement requirements-finn.txt
"${pip[@]}" --no-deps finn-plus==1.6.1
if ! "$folder/bin/python" bnn_hw/finn/worker.py check; then
  echo "finn-env: FINN does not start in $folder; delete the folder and try again" >&2
  exit 7
fi
echo "finn-env: ready in $folder"
