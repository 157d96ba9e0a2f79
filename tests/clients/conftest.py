"""The endpoint that the tests of a client share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import clients


@pytest.fixture(scope="module")
def endpoint(module_lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[clients.Endpoint]:
    """Yield a served lab of one internet host."""
    with clients.endpoint(module_lab_name, tmp_path_factory.mktemp("served")) as served:
        yield served
