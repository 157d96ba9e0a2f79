"""Puts Ansible's collection amazon.aws into the virtual environment: `python -m scripts._collections FOLDER`.

PyPI has collections only in the distribution `ansible`, whose 700 MB of other collections the tests do not need. So its
wheel is downloaded, and this one collection is unpacked from it.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

DISTRIBUTION = "ansible>=12,<13"
COLLECTION = "ansible_collections/amazon/aws/"


def main() -> int:
    """Unpack the collection below the folder that the command line names. Does nothing if it is there."""
    target = Path(sys.argv[1])
    if (target / COLLECTION / "MANIFEST.json").exists():
        return 0
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        download = (sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder)
        subprocess.run([*download, DISTRIBUTION], check=True)
        (wheel,) = Path(folder).glob("*.whl")
        with zipfile.ZipFile(wheel) as archive:
            members = [name for name in archive.namelist() if name.startswith(COLLECTION)]
            members.sort(key=lambda name: name.endswith("MANIFEST.json"))  # last: it shows that all is there
            for member in members:
                archive.extract(member, target)
    return 0


if __name__ == "__main__":
    sys.exit(main())
