"""The door to a network: whoever evaluates one gets its classifier here.

MindSpore is loaded when the first network comes, so that methods and metrics can be listed without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

from explainer.checks import require_integer
from explainer.classifier import Classifier, Evaluator
from explainer.network.engine import EngineChoice, default_engine
from explainer.network.mindspore.tensors import is_cell, is_tensor, require_device, to_tensor, without_tensor

if TYPE_CHECKING:
    from explainer.network.onnx_classifier import OnnxClassifier

__all__ = [
    "classifier_of",
    "evaluator_of",
    "is_tensor",
    "require_activation",
    "require_classifiable",
    "require_device",
    "require_network",
    "to_tensor",
    "weights_of",
    "without_tensor",
]

_ADAPTERS: WeakValueDictionary[tuple[int, int, int, EngineChoice], OnnxClassifier] = WeakValueDictionary()
# Each holds its network and activation, so that their ids stay their own as long as it is there.


def classifier_of(
    network: Any, activation_fn: Any = None, *, batch_size: int = 32, engine: str | None = None, device: str = "cpu"
) -> Classifier:
    """The classifier of a network: one for all who come with the same activation, batch size, engine and device.

    What was found out and compiled is shared by all classifiers of a network object, and gone when they are.

    Args:
        network: a mindspore.nn.Cell, images (N, C, H, W) -> logits (N, K); or a Classifier, which is given back as it
            is: its own activation and batch size count.
        activation_fn: logits -> probabilities (N, K), a mindspore.nn.Cell; needed for probabilities only.
        batch_size: images in one pass through the network, at most.
        engine: what computes it: "mindspore", "onnxruntime", or "auto", see docs/performance.md; by default what
            EXPLAINER_ENGINE in the environment says, else "auto". In a run the run's engine counts.
        device: where ONNX Runtime computes: "cpu", or "cuda", a GPU (then "auto" is ONNX Runtime, or refused). In a run
            the run's counts. MindSpore has a device of its own, `mindspore.set_device`.

    Raises:
        TypeError: `network` is neither, or `activation_fn` no cell.
        ValueError: a batch size below 1, another engine or device, or MindSpore on "cuda".
        EngineError: "cuda", which the ONNX Runtime that is installed has not; says what to install.

    >>> from mindspore import nn
    >>> network, softmax = nn.SequentialCell(nn.Flatten(), nn.Dense(12, 5)), nn.Softmax()
    >>> classifier_of(network, softmax) is classifier_of(network, softmax)
    True
    """
    if isinstance(network, Classifier):
        return network
    return onnx_classifier_of(network, activation_fn, batch_size=batch_size, engine=engine, device=device)


def onnx_classifier_of(
    network: Any, activation_fn: Any = None, *, batch_size: int = 32, engine: str | None = None, device: str = "cpu"
) -> OnnxClassifier:
    """As `classifier_of`, of a mindspore.nn.Cell alone.

    Raises:
        TypeError, ValueError, EngineError: as for `classifier_of`.
    """
    from explainer.network.mindspore.adapter import MindSporeClassifier
    from explainer.network.mindspore.borrowing import one_thread
    from explainer.network.onnx_classifier import OnnxClassifier

    choice = EngineChoice(default_engine() if engine is None else engine, device)
    key = (id(network), id(activation_fn), require_integer("batch_size", batch_size, 1), choice)
    with one_thread():
        found = _ADAPTERS.get(key)
        if found is None:
            reference = MindSporeClassifier(network, activation_fn, batch_size=batch_size)
            found = _ADAPTERS[key] = OnnxClassifier(reference, choice)
    return found


def evaluator_of(network: Any, activation_fn: Any = None, *, batch_size: int = 32) -> Evaluator:
    """As `classifier_of`, for whoever needs outputs alone: any function of arrays will do, too.

    Raises:
        TypeError, ValueError: as for `classifier_of`; an `activation_fn` that cannot be called.

    >>> import numpy as np
    >>> evaluator_of(lambda images: images.sum(axis=1)).outputs(np.ones((2, 3), np.float32)).tolist()
    [3.0, 3.0]
    """
    if isinstance(network, Evaluator):
        return network
    if is_cell(network) or isinstance(network, type) or not callable(network):
        return classifier_of(network, activation_fn, batch_size=batch_size)
    if activation_fn is not None and not callable(activation_fn):
        raise TypeError(f"`activation_fn` must be a cell, a function or None, got {type(activation_fn).__name__}")
    from explainer.network.function import FunctionClassifier

    return FunctionClassifier(network, activation_fn, batch_size=batch_size)


def weights_of(classifier: Evaluator) -> str | None:
    """A digest of a network's weights, 32 hexadecimal digits; None where nobody can tell, as of a function."""
    digest: Callable[[], str] | None = getattr(classifier, "weights_digest", None)
    return None if digest is None else digest()


def require_network(name: str, network: Any) -> None:
    """Raises TypeError unless this is a mindspore.nn.Cell of one input."""
    from explainer.network.mindspore import inputs

    inputs.require_network(name, network)


def require_classifiable(name: str, network: Any) -> None:
    """Raises TypeError unless `classifier_of` takes this: a mindspore.nn.Cell of one input, or a Classifier."""
    if not isinstance(network, Classifier):
        require_network(name, network)


def require_activation(activation_fn: Any) -> None:
    """Raises TypeError unless this is a mindspore.nn.Cell of one input."""
    require_network("activation_fn", activation_fn)
