# shellcheck shell=bash
# Sourced by _setup.sh and _fresh_debian.sh.

# usage: what a script says of itself, the comment that it begins with.
usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }
