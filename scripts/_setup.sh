# shellcheck shell=bash
# Sourced by the scripts beside it, after `set -euo pipefail`. Defines:
#
#   $top             the top folder of the repository, wherever the script was called from
#   $python          the interpreter of .venv
#   as_root CMD…     run CMD as root, through sudo if necessary
#   setup [dev]      install what is missing: Debian's packages, then .venv with our dependencies
#
# A run with nothing to do starts no program at all (about 10 ms): the stamp in .venv holds the text for which
# it was made, and bash compares it. Every change happens under a lock and behind a `busy` mark. So two set-ups
# at once wait for each other, and a killed one is started again from the beginning.
#
# .venv does not see Debian's Python packages, except nftables, which is linked into it. With
# --system-site-packages, Debian's pydantic or click could satisfy pip today and be upgraded, removed or too
# old tomorrow, and pytest would load Debian's plugins.

top=$(cd "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/.." && pwd -P)
. "$top/scripts/_usage.sh"
venv=$top/.venv
# shellcheck disable=SC2034  # used by scripts that source this
python=$venv/bin/python

# Settings of the caller's shell must not change the virtual environment.
unset PYTHONHOME PYTHONPATH
export PYTHONNOUSERSITE=1

say() { printf 'setting up: %s\n' "$*" >&2; }

# fail WHAT [REMEDY…]: exit code 5 is the CLI's own "this host cannot (with the fix)".
fail() {
  printf 'setting up: FAILED: %s\n' "$1" >&2
  shift
  (($# == 0)) || printf '  %s\n' "$@" >&2
  exit 5
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif type -P sudo >/dev/null; then
    sudo "$@"
  else
    fail "this needs root, and sudo is not installed: $*" "Run the same command as root (su -)."
  fi
}

setup() ( # a subshell: its directory, umask and lock are its own
  want=$(_wanted)
  _fresh "${1:-runtime}" && exit

  umask 022
  cd "$top"
  [[ -w . ]] || fail "$top is not writable for the user $(id -un)" "Run this as its owner ($(stat -c %U .)) or as root."
  [[ ! -e $venv || -w $venv ]] || fail "$venv belongs to $(stat -c %U "$venv")" \
    "Run this as $(stat -c %U "$venv"), or remove it: sudo rm -r '$venv'"
  # A directory can be locked like a file, and needs no lock file. Children inherit the lock on purpose: if
  # this shell is killed while its pip still runs, the next set-up waits for that pip.
  exec 9<.
  if ! flock -n 9; then
    say "waiting for another set-up of $top"
    flock 9
    _fresh "${1:-runtime}" && exit
  fi

  _system_packages "${1:-runtime}"
  _virtual_environment "${1:-runtime}"
)

# What .venv depends on: its path (a venv cannot be moved) and pyproject.toml without the settings of tools.
_wanted() {
  local line keep=1
  printf 'set-up 2 in %s\n' "$top"
  while IFS= read -r line || [[ -n $line ]]; do
    if [[ $line == '['* ]]; then
      keep=1
      [[ $line != '[tool.'* && $line != '[[tool.'* || $line == '[tool.hatch.'* ]] || keep=0
    fi
    ((keep == 0)) || [[ $line =~ ^[[:space:]]*(#|$) ]] || printf '%s\n' "$line"
  done <"$top/pyproject.toml"
}

# A stamp: the paths that must still exist, an empty line, the text for which .venv was made.
_fresh() {
  local path
  [[ -x $python && ! -e $venv/.setup-busy && -r $venv/.setup-$1 ]] || return 1
  {
    while IFS= read -r path && [[ -n $path ]]; do
      [[ -e $path ]] || return 1
    done
    IFS= read -r -d '' path || [[ ${path%$'\n'} == "$want" ]]
  } <"$venv/.setup-$1"
}

# Finds the interpreter and installs the Debian packages that we need. Checks for the files, not for packages:
# a library in /usr/local or another distribution's package will do.
_system_packages() {
  local old='' missing
  _find_python
  if [[ -z $base ]]; then
    [[ -z $old ]] || fail "Python 3.11 or newer is needed; found only$old" \
      "On Ubuntu 22.04: apt-get install python3.11 python3.11-venv"
    _apt_install python3 python3-venv libnftables1 python3-nftables
    _find_python
    [[ -n $base ]] || fail "Python 3.11 or newer is needed; found${old:- none}" "Debian 12 and Ubuntu 24.04 have it."
  fi

  missing=$(_missing "$1")
  [[ -n $missing ]] || return 0
  # shellcheck disable=SC2086  # words
  _apt_install $missing
  missing=$(_missing "$1")
  [[ -z $missing ]] || fail "installed, but still not usable by $base: ${missing//$'\n'/ }" \
    "Reinstall by hand: apt-get install --reinstall ${missing//$'\n'/ }"
}

# Not the python3 on PATH: that may be pyenv's or conda's, which do not see Debian's nftables.
_find_python() {
  local candidate version
  base=''
  for candidate in /usr/bin/python3 /usr/bin/python3.{11..29}; do
    [[ -x $candidate ]] || continue
    version=$("$candidate" -I -c 'import sys; print("%d.%d" % sys.version_info[:2], int(sys.version_info >= (3, 11)))') || continue
    if [[ $version == *' 1' ]]; then
      base=$(readlink -f "$candidate") version=${version% 1}
      venv_package=python3-venv
      [[ $candidate == /usr/bin/python3 ]] || venv_package=python$version-venv
      return
    fi
    old+=" $candidate (${version% 0})"
  done
}

# The library is checked separately, since `import nftables` does not load it. No context is made: that fails
# if the kernel lacks nf_tables, which no package can fix.
_missing() {
  "$base" -I - "$venv_package" <<'PYTHON'
import sys

def there(*names):
    try:
        for name in names:
            __import__(name)
    except ImportError:
        return False
    return True

def loads(library):
    import ctypes
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True

whole = there("ctypes", "json", "asyncio")  # python3-minimal isn't
if not whole:
    print(sys.argv[1].removesuffix("-venv"))
if not there("venv", "ensurepip"):
    print(sys.argv[1])
if not there("nftables"):
    print("python3-nftables")
if not (whole and loads("libnftables.so.1")):
    print("libnftables1")
PYTHON
  # ip and ping: README and the guided lab run them in nodes. As root finds them: sbin may not be on a user's PATH.
  local -x PATH=$PATH:/usr/sbin:/sbin
  type -P ip >/dev/null || echo iproute2
  type -P ping >/dev/null || echo iputils-ping
  [[ $1 != dev ]] || {
    [[ -x /usr/sbin/nft ]] || echo nftables # used by the benchmark's script, which the tests run
    type -P tshark >/dev/null || echo tshark # the tests read captures with it
    type -P fish >/dev/null || echo fish # the tests try its completions
    type -P groff >/dev/null || echo groff-base # the tests format the man pages
  }
}

_apt_install() {
  local log tries=0
  if ! type -P apt-get >/dev/null; then
    fail "missing (names of Debian packages): $*" \
      "This is not Debian or Ubuntu (no apt-get). Install by hand: Python 3.11 or newer with venv and pip in" \
      "/usr/bin, libnftables (libnftables.so.1), and its Python module (import nftables). Then run this again."
  fi
  if ((EUID != 0)) && ! type -P sudo >/dev/null; then
    fail "missing: $*" "Installing needs root, and sudo is not installed. As root (su -): apt-get install $*"
  fi
  say "installing $* (apt-get)"
  log=$(mktemp)
  # On a machine that has just booted, apt's own timer may lock the package lists for minutes.
  until as_root env LC_ALL=C apt-get -qq update >"$log" 2>&1 || ! grep -q 'Could not get lock' "$log"; do
    ((tries++ < 100)) || break
    ((tries > 1)) || say "waiting for another apt-get"
    sleep 3
  done
  # Go on after a failed update: the present package lists may do.
  if ! as_root env LC_ALL=C DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300 \
    install --no-install-recommends "$@" >>"$log" 2>&1; then
    tail -n 15 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install $*" \
      "Check the network and apt's sources. By hand: apt-get update && apt-get install $*"
  fi
  rm -f "$log"
}

_virtual_environment() {
  local what='.' site module stamp log=$venv/setup.log
  [[ $1 == runtime ]] || what=".[$1]"

  if [[ -e $venv/pyvenv.cfg && ! -e $venv/.setup-busy ]] && ! compgen -G "$venv/.setup-*" >/dev/null; then
    fail "$venv was not made by this script, so it is left alone" "Remove it or move it away: rm -r '$venv'"
  fi
  if [[ -e $venv/.setup-busy || ! -r $venv/.setup-runtime || $(readlink -f "$python" || :) != "$base" ||
    $(<"$venv/.setup-runtime") != *$'\n'"${want%%$'\n'*}"$'\n'* ]]; then
    rm -rf "$venv" 2>/dev/null || fail "cannot remove the unfinished $venv" "By hand: sudo rm -r '$venv'"
    say "making .venv ($base)"
    mkdir "$venv"
    : >"$venv/.setup-busy"
    "$base" -I -m venv "$venv" >"$log" 2>&1 || _log_and_fail "$base cannot make $venv"
  fi

  say "installing the Python packages that pyproject.toml names for $1 (pip)"
  : >"$venv/.setup-busy"
  env -u PIP_TARGET -u PIP_PREFIX -u PIP_ROOT -u PIP_PYTHON PIP_USER=0 \
    "$python" -I -m pip install --disable-pip-version-check --no-input -e "$what" >"$log" 2>&1 ||
    _log_and_fail "pip could not install the packages that pyproject.toml names"
  [[ $1 != dev ]] || "$python" -I "$top/scripts/_collections.py" "$venv/collections" >"$log" 2>&1 ||
    _log_and_fail "pip could not download Ansible's collection amazon.aws"

  # Debian's nftables, and no other package of Debian.
  site=$("$python" -I -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
  module=$("$base" -I -c 'import nftables, os; f = nftables.__file__
print(os.path.dirname(f) if os.path.basename(f).startswith("__init__.") else f)')
  ln -sfn "$module" "$site/"
  "$python" -I -c 'import nftables' || fail "$python cannot import $module" "Please report this."

  stamp=$module$'\n'$(_library)$'\n\n'$want
  rm -f "$venv"/.setup-{runtime,dev}
  printf '%s\n' "$stamp" >"$venv/.setup-runtime" # dev is runtime and more
  [[ $1 == runtime ]] || printf '%s\n' "$stamp" >"$venv/.setup-$1"
  rm -f "$venv/.setup-busy"
}

_library() {
  "$base" -I -c 'import ctypes
ctypes.CDLL("libnftables.so.1")
print(next(m.split()[-1] for m in open("/proc/self/maps") if "/libnftables.so.1" in m))'
}

# Shows pip's own messages, and what they usually mean.
_log_and_fail() {
  local remedy='Read the lines above, and check that about 200 MB of disk are free; then run this again.'
  grep -v '^ *$' "$log" | tail -n 20 >&2
  case $(<"$log") in
    *'No space left'*) remedy='The disk is full: make room, then run this again.' ;;
    *'ermission denied'*) remedy="Something belongs to another user. Remove it and run this again: sudo rm -r '$venv'" ;;
    *CERTIFICATE_VERIFY_FAILED*) remedy='TLS is intercepted or has no certificates: set PIP_CERT to the bundle to trust.' ;;
    *'ailed to establish a new connection'* | *'name resolution'* | *'onnection refused'* | *'unreachable'* | *'imed out'* | *ProxyError*)
      remedy='The Python package index is not reachable: check the network, HTTPS_PROXY and PIP_INDEX_URL.'
      ;;
  esac
  fail "$1" "$remedy" "The whole log: $log"
}
