"""botocore's model of the EC2 API: the shapes of requests and answers, and their documentation."""

from __future__ import annotations

from functools import cache
from typing import Any

import botocore.session


@cache
def model() -> Any:
    """Return the model of all operations. Loading it takes about a second."""
    return botocore.session.get_session().get_service_model("ec2")


@cache
def operation(action: str) -> Any:
    """Return the model of one operation, such as `CreateRoute`."""
    return model().operation_model(action)
