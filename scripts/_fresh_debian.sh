# shellcheck shell=bash
# Sourced by the scripts that run things in a fresh Debian: clean-room and vm.

# here_into FOLDER SUITE: this machine's settings for apt and pip, and its own certificates, go under FOLDER, since
# the way from here to Debian's mirror and the Python index must be the way from there. apt's sources go only where
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

# Prints NAME=VALUE of each variable that apt and pip go by and that is set here.
here_environment() {
  local variable
  for variable in http_proxy https_proxy no_proxy HTTP_PROXY HTTPS_PROXY NO_PROXY PIP_INDEX_URL PIP_EXTRA_INDEX_URL; do
    [[ ! -v $variable ]] || printf '%s=%s\n' "$variable" "${!variable}"
  done
}

# run_lines NAME COMMAND LINE…: calls COMMAND with each LINE until one fails, then tells how long each took; the exit
# code of the last.
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
