"""botocore's models: the shapes of EC2's requests and answers, and the Regions that AWS has."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from botocore.loaders import Loader
from botocore.model import ServiceModel


class Model:
    """The shapes of the EC2 API. Loading them takes 0.2 s, so a process makes one `Model`."""

    def __init__(self) -> None:
        self._loader = Loader()
        self._service = ServiceModel(self._loader.load_service_model("ec2", "service-2"), "ec2")

    @property
    def version(self) -> str:
        """Return the version of the API: that of the requests that the model describes."""
        return str(self._service.api_version)

    def request(self, action: str) -> Any:
        """Return the shape of the request. It is None if the action has no parameters."""
        return self._service.operation_model(action).input_shape

    def answer(self, action: str) -> Any:
        """Return the shape of the answer. It is None if the action answers nothing."""
        return self._service.operation_model(action).output_shape

    @cached_property
    def regions(self) -> frozenset[str]:
        """Return the Regions of all partitions. Pseudo-Regions such as `aws-global` are left out."""
        partitions = self._loader.load_data("partitions")["partitions"]
        return frozenset(name for each in partitions for name in each["regions"] if not name.endswith("-global"))

    def preload(self) -> None:
        """Read now all that this process will need: later it may not be able to read files."""
        _ = self.regions
