# shellcheck shell=bash
# Sourced by the scripts that work in containers, after `set -euo pipefail`, as root. Gives:
#
#   need TOOL…              ends with exit code 5 where one is missing
#   bare_root SUITE CACHE   makes CACHE/SUITE, a bare Debian (debootstrap --variant=minbase), unless it is there
#   the_way_here SUITE DIR  the way from here to Debian's mirror and the Python index, as it must be from there: copies
#                           files into DIR, and sets way=(--env …) for podman
#   podman_here WORK ARG…   podman, also on machines where crun would not start; WORK is a folder for its settings

need() {
  local me=${0##*/}
  ((EUID == 0)) || { echo "$me: needs root" >&2 && exit 5; }
  for tool; do
    type -P "$tool" >/dev/null || { echo "$me: apt-get install $*" >&2 && exit 5; }
  done
}

bare_root() {
  local suite=$1 cache=$2 root=$2/$1
  [[ ! -e $root/etc/os-release ]] || return 0
  echo "${0##*/}: making $root (debootstrap)"
  mkdir -p "$cache"
  rm -rf "$root.new"
  debootstrap --variant=minbase "$suite" "$root.new" >"$cache/$suite.log" || { tail "$cache/$suite.log" && exit 1; }
  mv "$root.new" "$root"
}

the_way_here() {
  local path
  for path in /etc/apt/apt.conf.d /etc/pip.conf /etc/xdg/pip /usr/local/share/ca-certificates; do
    [[ ! -e $path ]] || cp -r --parents "$path" "$2"
  done
  # shellcheck disable=SC1091
  if [[ $(. /etc/os-release && echo "${VERSION_CODENAME-}") == "$1" ]]; then
    for path in /etc/apt/sources.list /etc/apt/sources.list.d; do
      [[ ! -e $path ]] || cp -r --parents "$path" "$2"
    done
  fi
  way=()
  for path in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    [[ ! -v $path ]] || way+=(--env "$path")
  done
}

podman_here() {
  local work=$1 run=(podman)
  shift
  # crun refuses the hybrid of cgroups v1 and v2 that some virtual machines have; without its v2 half it runs.
  [[ ! -d /sys/fs/cgroup/unified ]] ||
    run=(unshare --mount -- sh -c 'umount -l /sys/fs/cgroup/unified && exec podman "$@"' podman)
  # Nor does it start where podman's default limits are above what this root may set: take ours as they are.
  printf '[containers]\ndefault_ulimits = []\n' >"$work/containers.conf"
  CONTAINERS_CONF=$work/containers.conf "${run[@]}" "$@"
}
