"""The certificate of the endpoint. Without one, only programs on this machine may connect."""

from __future__ import annotations

import ssl
from pathlib import Path

from eigw_ns.errors import UsageError
from eigw_ns.frozen import frozen

_OTHERS = 0o007


@frozen
class Tls:
    """The files of a certificate and its key. `open_to_others`: the user said that other machines may connect."""

    certificate: Path
    key: Path
    open_to_others: bool = False


def checked(certificate: Path | None, key: Path | None, *, i_know: bool, signed: bool) -> Tls | None:
    """Return the TLS that the options ask for; None for none. Raises UsageError if one is missing or does not work."""
    if certificate is None and key is None:
        if i_know:
            raise UsageError("--i-know lets other machines connect, which needs TLS", hint=_FILES)
        return None
    if certificate is None or key is None:
        raise UsageError("TLS needs a certificate and its key", hint=_FILES)
    if i_know and not signed:
        raise UsageError("--no-sigv4 would let every machine change the lab", hint="leave out --no-sigv4 or --i-know")
    try:
        if key.stat().st_mode & _OTHERS:
            raise UsageError(f"all users can read or change {key}", hint=f"chmod 0600 {key}")
        context(Tls(certificate, key))
    except OSError as error:  # ssl.SSLError is one
        words = error.reason if isinstance(error, ssl.SSLError) and error.reason else error.strerror or str(error)
        raise UsageError(f"cannot use the certificate {certificate} and the key {key}: {words}", hint=_PEM) from error
    return Tls(certificate, key, i_know)


_FILES = "give both files: --tls-cert FILE --tls-key FILE"
_PEM = "give PEM files of one pair, and a key without a password"


def context(tls: Tls) -> ssl.SSLContext:
    """Return the context for a server. Raises OSError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    made.minimum_version = ssl.TLSVersion.TLSv1_2
    made.load_cert_chain(tls.certificate, tls.key, password="")
    return made
