"""`python -m eigw_ns` is `eigw-ns`."""

from __future__ import annotations

import signal
from typing import NoReturn


def main() -> NoReturn:
    """Run the program. Until `cli.main` can report Ctrl-C, SIGINT ends this process at once, without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from eigw_ns.cli.main import main as run

    run()


if __name__ == "__main__":
    main()
