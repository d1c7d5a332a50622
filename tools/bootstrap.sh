#!/usr/bin/env bash
# Makes .venv from uv.lock. Uses an installed uv, else one of its own in the cache; needs only Python 3.11+ with venv.
set -euo pipefail
cd "$(dirname "$0")/.."

cache="${KINDO_MODELS_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/kindo-models}"
uv_version=0.13.9

python=""
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
  if "$candidate" -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
    python=$candidate
    break
  fi
done

missing=()
[ -n "$python" ] || missing+=("Python 3.11+ with venv   apt-get install -y python3 python3-venv")
command -v go >/dev/null || missing+=("Go 1.26+                 https://go.dev/doc/install")
command -v node >/dev/null || missing+=("Node.js 20+              apt-get install -y nodejs npm, or https://nodejs.org")
command -v npm >/dev/null || missing+=("npm                      comes with Node.js")
if [ -z "$python" ]; then
  echo "Missing on this machine, with what installs it:" >&2
  printf '  %s\n' "${missing[@]}" >&2
  exit 2
fi

mkdir -p "$cache"
exec 9>"$cache/bootstrap.lock"
flock 9

if command -v uv >/dev/null && [ "$(printf '%s\n' 0.9.0 "$(uv --version | cut -d' ' -f2)" | sort -V | head -1)" = 0.9.0 ]; then
  uv=uv
else
  uv="$cache/uv-$uv_version/bin/uv"
  if [ ! -x "$uv" ]; then
    echo "Installing uv $uv_version (for .venv)"
    rm -rf "$cache/uv-$uv_version"
    "$python" -m venv "$cache/uv-$uv_version.partial" --clear
    "$cache/uv-$uv_version.partial/bin/python" -m pip install --quiet --disable-pip-version-check "uv==$uv_version"
    # The uv executable does not know its place, so the finished folder can be moved.
    mv "$cache/uv-$uv_version.partial" "$cache/uv-$uv_version"
  fi
fi

UV_LINK_MODE=copy UV_PYTHON="$("$python" -c 'import sys; print(sys.executable)')" \
  "$uv" sync --frozen --compile-bytecode --quiet
touch .venv
