"""A libnftables context, and what it prints.

A context belongs to the namespace in which it was made, and its errors are text. Both stay inside this module.
"""

from __future__ import annotations

import errno
import os
import re
import sys

from eigw_ns.errors import HostError, KernelError, kernel_error
from eigw_ns.kernel.processes.signals import uninterrupted

TABLE = "eigw_ns"
"""The name of our one table in each family."""

BINDING_FIX = (
    "apt install python3-nftables libnftables1"
    if sys.prefix == sys.base_prefix
    else "this installation does not see Debian's python3-nftables: apt install libnftables1, and install eigw-ns with"
    " its extra `nft` (pipx install '.[nft]', uv tool install '.[nft]', pip install '.[nft]')"
)
"""The hint if the binding is missing. PyPI has only copies of it, under other names; the extra is one of them."""

_NO_TABLE = "No such file or directory"


class Nft:
    """A libnftables context for the namespace in which this thread was when the object was made.

    Raises HostError if the Python binding or the library is missing.
    """

    def __init__(self) -> None:
        try:
            import nftables  # not at the top: this loads the library
        except ImportError as error:
            raise HostError(
                "the Python binding of libnftables is missing",
                hint=BINDING_FIX,
            ) from error
        with uninterrupted():  # a half-made context prints an error when it is deleted
            self._nft = nftables.Nftables()
        self._nft.set_numeric_proto_output(True)  # names come from /etc/protocols, which some hosts lack

    def run(self, commands: str, doing: str) -> str:
        """Run nft commands as one transaction. Returns their output. Raises KernelError with nft's own message."""
        code, output, complaint = self._nft.cmd(commands)
        if code != 0:
            raise _error(doing, complaint)
        return str(output)

    def version(self) -> str:
        """Return the version of the library, such as 1.0.6; empty if it lacks JSON output, which alone contains it."""
        self._nft.set_json_output(True)
        _, output, _ = self._nft.cmd("list tables")
        self._nft.set_json_output(False)
        found = re.search(r'"version": "([^"]+)"', str(output))
        return found[1] if found else ""

    def listing(self, family: str, *, stateless: bool = True) -> str:
        """Return the output of `nft list table`; empty if there is no such table."""
        self._nft.set_stateless_output(stateless)
        code, output, complaint = self._nft.cmd(f"list table {family} {TABLE}")
        if code == 0:
            return str(output)
        if _NO_TABLE in complaint:
            return ""
        raise _error(f"list the table {family} {TABLE}", complaint)

    def listing_with_handles(self, family: str, table: str) -> str:
        """Return the output of `nft --handle list table`; empty if there is no such table."""
        self._nft.set_stateless_output(True)
        self._nft.set_handle_output(True)
        code, output, complaint = self._nft.cmd(f"list table {family} {table}")
        self._nft.set_handle_output(False)
        if code != 0 and _NO_TABLE not in complaint:
            raise _error(f"list the table {family} {table}", complaint)
        return str(output) if code == 0 else ""


def _error(doing: str, complaint: str) -> Exception:
    """Return the error that nft's text means. Its first line is the message; the rest points into the commands."""
    first = complaint.strip().splitlines()[0] if complaint.strip() else "nft gave no reason"
    for code in (errno.EPERM, errno.EMFILE, errno.ENFILE, errno.ENOMEM):
        if os.strerror(code) in complaint:
            return kernel_error(doing, code)
    if _NO_TABLE in complaint:
        return kernel_error(doing, errno.ENOENT, detail=first)
    if "File exists" in complaint:
        return kernel_error(doing, errno.EEXIST, detail=first)
    if "Operation not supported" in complaint or "Protocol not supported" in complaint:
        return kernel_error(doing, errno.EOPNOTSUPP, detail=first)
    return KernelError(doing, detail=first)
