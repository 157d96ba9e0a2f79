# shellcheck shell=bash
# Sourced by the scripts that run things in a fresh Debian (clean-room, ci-container, vm), after `set -euo pipefail`.

. "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")/_usage.sh"

# need TOOL[:PACKAGE]…: exits with code 5 if this is not root or a tool is missing, and names the packages to install.
need() {
  local me=${0##*/} tool missing=
  ((EUID == 0)) || { echo "$me: needs root" >&2 && exit 5; }
  for tool; do
    type -P "${tool%:*}" >/dev/null || missing+=" ${tool#*:}"
  done
  [[ ! $missing ]] || { echo "$me: apt-get install$missing" >&2 && exit 5; }
}

# bare_root SUITE CACHE: makes CACHE/SUITE, a bare Debian (debootstrap --variant=minbase), unless it exists.
bare_root() {
  local suite=$1 cache=$2 root=$2/$1
  [[ ! -e $root/etc/os-release ]] || return 0
  echo "${0##*/}: making $root (debootstrap)"
  mkdir -p "$cache"
  rm -rf "$root.new"
  debootstrap --variant=minbase "$suite" "$root.new" >"$cache/$suite.log" || { tail "$cache/$suite.log" && exit 1; }
  mv "$root.new" "$root"
}

# here_into FOLDER SUITE: copies this machine's settings of apt and pip, and its certificates, to FOLDER, since the
# fresh Debian must reach Debian's mirror and the Python index as this machine does. apt's sources are copied only if
# this machine runs the same SUITE.
here_into() {
  local path
  mkdir -p "$1"
  for path in /etc/apt/apt.conf.d /etc/pip.conf /etc/xdg/pip /usr/local/share/ca-certificates; do
    [[ ! -e $path ]] || cp -r --parents "$path" "$1"
  done
  # shellcheck disable=SC1091
  [[ $(. /etc/os-release && echo "${VERSION_CODENAME-}") == "$2" ]] || return 0
  for path in /etc/apt/sources.list /etc/apt/sources.list.d; do
    [[ ! -e $path ]] || cp -r --parents "$path" "$1"
  done
}

# Prints NAME=VALUE of each set variable that apt and pip use.
here_environment() {
  local variable
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    [[ ! -v $variable ]] || printf '%s=%s\n' "$variable" "${!variable}"
  done
}

# podman_environment: sets way=(--env NAME …), the options by which podman passes these variables on.
podman_environment() {
  local setting
  way=()
  while IFS= read -r setting; do way+=(--env "${setting%%=*}"); done < <(here_environment)
}

# podman_here WORK ARGUMENT…: runs podman, even if crun would not start here. WORK is a folder for its settings.
podman_here() {
  local work=$1 run=(podman)
  shift
  # crun refuses the hybrid of cgroups v1 and v2 that some virtual machines have; without its v2 half it runs.
  [[ ! -d /sys/fs/cgroup/unified ]] ||
    run=(unshare --mount -- sh -c 'umount -l /sys/fs/cgroup/unified && exec podman "$@"' podman)
  # crun does not start either if podman's default limits are above what this root may set: keep the present limits.
  printf '[containers]\ndefault_ulimits = []\n' >"$work/containers.conf"
  CONTAINERS_CONF=$work/containers.conf "${run[@]}" "$@"
}

# run_lines NAME COMMAND LINE…: calls COMMAND with each LINE until one fails, then prints how long each took. Returns
# the exit code of the last.
run_lines() {
  local name=$1 run=$2 table='' code=0 line start took
  shift 2
  for line; do
    printf '\n%s: $ %s\n' "$name" "$line"
    start=${EPOCHREALTIME/[.,]/} code=0
    "$run" "$line" </dev/null || code=$?
    took=$(((${EPOCHREALTIME/[.,]/} - start) / 1000))
    table+=$(printf '%4d.%03d s  exit %d  %s' $((took / 1000)) $((took % 1000)) $code "$line")$'\n'
    ((code == 0)) || break
  done
  printf '\n%s: times\n%s' "$name" "$table"
  return "$code"
}
