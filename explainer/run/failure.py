"""An error on its way from one process to another."""

from __future__ import annotations

import pickle
import traceback
from dataclasses import dataclass
from typing import Any

from explainer.errors import WorkerError


@dataclass(frozen=True)
class Failure:
    """An error as what it is made of: its class may have a constructor that pickle could not call.

    Attributes:
        kind: its class.
        arguments: what is in its `args`, and more for an error of the system.
        attributes: what else it holds.
        trace: where it came from, as Python prints it.

    >>> try:
    ...     {}["ant"]
    ... except KeyError as error:
    ...     found = Failure.of(error)
    >>> found.error("worker 0")
    KeyError('ant')
    """

    kind: type[BaseException]
    arguments: tuple[Any, ...]
    attributes: dict[str, Any]
    trace: str

    @classmethod
    def of(cls, error: BaseException) -> Failure:
        """Of an error; of a RuntimeError that tells of it, where its class or what it holds cannot be sent."""
        trace = "".join(traceback.format_exception(error))
        found = cls(type(error), error.__reduce__()[1], dict(vars(error)), trace)  # type: ignore[arg-type]
        try:
            pickle.loads(pickle.dumps(found)).error("")
        except Exception:  # whatever a class of the user's raises
            return cls(RuntimeError, (f"{type(error).__name__}: {error}",), {}, trace)
        return found

    def error(self, where: str) -> BaseException:
        """The error; its cause tells where it came from."""
        error = self.kind.__new__(self.kind, *self.arguments)
        error.__dict__.update(self.attributes)
        error.__cause__ = WorkerError(f"in {where}:\n{self.trace}")
        return error
