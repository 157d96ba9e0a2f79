"""The verbs that the worker knows. The web process can ask for nothing else.

It may have been taken over by a stranger, so each verb checks what it is given. `describe`, `explain` and others of the
console will join this table.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from eigw_ns.cloud.ec2.settings import Settings
from eigw_ns.cloud.words import printable
from eigw_ns.errors import CloudError, EigwError, HostError, LockedError
from eigw_ns.frozen import frozen
from eigw_ns.lab.lifecycle.ec2 import mutates
from eigw_ns.lab.storage.protocols import Patience
from eigw_ns.server.boundary import Log
from eigw_ns.server.channel import Message
from eigw_ns.server.labs import Labs
from eigw_ns.server.performer import Performer
from eigw_ns.server.recorded import RecordedNotes

_ACCOUNT, _REGION = re.compile(r"[0-9]{12}"), re.compile(r"[a-z0-9-]{1,32}")
_PLAIN = re.compile(r"[A-Za-z0-9_.:+/-]+")
_LONGEST_LINE = 4000


@frozen
class Verb:
    """A verb. `run` answers a message within the seconds that are left. `changes`: it must wait for its turn.

    `lane` is the number of the lab that it changes; None: of none, so it is refused at once.
    """

    run: Callable[[Message, float], Message]
    changes: Callable[[Message], bool]
    lane: Callable[[Message], int | None] = lambda _message: 0


def error_message(error: CloudError) -> Message:
    """Return the answer for an error."""
    return {"error": {"code": error.code, "message": error.message, "hint": error.hint}}


@frozen
class Served:
    """The labs, and for each what carries out its actions, and the notes about what it records only."""

    labs: Labs
    performers: tuple[Performer, ...]
    notes: tuple[RecordedNotes, ...]

    def lane(self, message: Message) -> int | None:
        """Return the number of the lab that the message is for; None if no lab is."""
        return self.labs.index(str(message.get("account")), str(message.get("region")))


@frozen
class Ec2:
    """The verb `ec2`: an action of EC2's API on the lab of the request's account and Region."""

    served: Served
    settings: Settings
    log: Log
    now: Callable[[], datetime]

    def verb(self) -> Verb:
        """Return this as a verb."""
        return Verb(self.run, self.changes, self.served.lane)

    def changes(self, message: Message) -> bool:
        """Return whether the action can change the lab. A dry run cannot."""
        request = message.get("request")
        return isinstance(request, dict) and mutates(str(message.get("action")), request)

    def run(self, message: Message, seconds: float) -> Message:
        """Carry out the action. The answer has `answer` or `error`."""
        action, request = str(message.get("action")), message.get("request")
        account, region = str(message.get("account")), str(message.get("region"))
        if not isinstance(request, dict) or not _ACCOUNT.fullmatch(account) or not _REGION.fullmatch(region):
            return error_message(CloudError("InvalidRequest", "The request is not complete."))
        number, labs = self.served.lane(message), self.served.labs
        settings = replace(self.settings, account=account, region=region, regions=labs.regions(account))
        try:
            if number is None:
                raise labs.not_here(account, region)
            reply = self.served.performers[number].perform(action, request, settings, Patience(seconds))
        except EigwError as error:
            known = as_cloud_error(error)
            self._record(message, known.code)
            return error_message(known)
        self._record(message, "ok")
        if self.changes(message):
            self.served.notes[number].note(reply.cloud)
        return {"answer": reply.answer, "warnings": list(reply.warnings)}

    def _record(self, message: Message, result: str) -> None:
        """Log a request that can change the lab: time, key, action, parameters, result."""
        if self.changes(message):
            self.log(line(self.now(), message, result))


def line(moment: datetime, message: Mapping[str, Any], result: str) -> str:
    """Return the log line of a request, as logfmt."""
    request = json.dumps(message.get("request"), separators=(",", ":"))
    words = {
        "time": moment.isoformat("T", "milliseconds"),
        "key": message.get("key"),
        "action": message.get("action"),
        "result": result,
        "request-id": message.get("request_id"),
    }
    fields = [f"{name}={_quoted(str(value))}" for name, value in words.items()]
    return printable(" ".join((*fields, f"request={request}")))[:_LONGEST_LINE]


def _quoted(value: str) -> str:
    """Return a value of logfmt. One that a client chose cannot look like another field."""
    return value if _PLAIN.fullmatch(value) else json.dumps(value)


def as_cloud_error(error: EigwError) -> CloudError:
    """Return the error as AWS would report it. Clients try again after RequestLimitExceeded and Unavailable.

    They must not after an error that came halfway, since most actions would be carried out twice.
    """
    if isinstance(error, CloudError):
        return error
    if isinstance(error, LockedError):
        return CloudError("RequestLimitExceeded", f"Request limit exceeded: {error.message}", hint=error.hint)
    code = "Unavailable" if isinstance(error, HostError) else "OperationNotPermitted"
    return CloudError(code, error.message, hint=error.hint)


def ready(announce: Callable[[], None]) -> Verb:
    """Return the verb by which the web process says that it accepts requests."""

    def run(_message: Message, _seconds: float) -> Message:
        announce()
        return {}

    return Verb(run, lambda _message: True)


def reset(served: Served) -> Verb:
    """Return the verb that empties a lab."""

    def run(message: Message, _seconds: float) -> Message:
        number = served.lane(message)
        try:
            if number is None:
                raise served.labs.not_here(str(message.get("account")), str(message.get("region")))
            served.performers[number].reset()
        except EigwError as error:
            return error_message(as_cloud_error(error))
        return {}

    return Verb(run, lambda _message: True, served.lane)
