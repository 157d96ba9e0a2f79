"""The note of a lab's state folder, alike on Linux and in memory."""

from __future__ import annotations

import pytest

from eigw_ns.errors import MissingError
from eigw_ns.kernel.protocol import Machine
from tests.support.small_states import namespace


@pytest.mark.parametrize("folder", ["/var/lib/eigw-ns", f"/{'long/' * 200}", "/with space/ünïcode\udcff%41"])
def test_a_note_is_read_as_it_was_written(kernel: Machine, lab_name: str, folder: str) -> None:
    place = namespace(lab_name, "one")
    kernel.create([place])
    assert kernel.stored_in(place.namespace) == ""
    kernel.note_stored_in(place.namespace, "/before")
    kernel.note_stored_in(place.namespace, folder)
    assert kernel.stored_in(place.namespace) == folder
    kernel.delete([place])
    kernel.create([place])
    assert kernel.stored_in(place.namespace) == ""
    kernel.delete([place])


def test_nothing_is_noted_in_a_namespace_that_does_not_exist(kernel: Machine, lab_name: str) -> None:
    assert kernel.stored_in(f"eigw-{lab_name}-nothing-0") == ""
    with pytest.raises(MissingError):
        kernel.note_stored_in(f"eigw-{lab_name}-nothing-0", "/var/lib/eigw-ns")
