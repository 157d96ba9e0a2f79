# shellcheck shell=bash
# Sourced by _setup.sh and _fresh_debian.sh.

# usage: prints the help of a script, which is its first comment.
usage() { sed -n '2,/^set/{/^#/s/^# \{0,1\}//p}' "$0"; }
