"""The way back through a graph, laid on it: the gradient of its logits as nodes, each ReLU under a rule."""

from __future__ import annotations

from collections.abc import Iterable

from explainer.errors import EngineError
from explainer.network.onnx.derivatives import DERIVATIVES
from explainer.network.onnx.derivatives.elementwise import FLAT
from explainer.network.onnx.derivatives.step import Step, summed_to, zeros
from explainer.network.onnx.graph import Graph, GraphBuilder, Node, Value
from explainer.network.onnx.symbols import Symbol
from explainer.relu_rules import ReluRule, plain

_FLOATS = ("float32", "float64")
_RELUS = ("Relu", "Clip")  # Clip is ReLU6 alone: bounds of the network's own are Max and Min
_BOUND = 6.0


def gradient_graph(graph: Graph, *, rule: ReluRule = plain, at: Value | None = None) -> Graph:
    """The graph that gives d <seed, logits> / d images (N, C, H, W), or the same for one of its values.

    It takes (images, seed), the seed (N, K) the weight of each logit, and has the weights of `graph` for its own. Where
    a value is chosen, it gives (gradient, value); the gradient is zero where the logits do not depend on it.

    Args:
        graph: of a network that gives one tensor of logits (N, K).
        rule: what each ReLU and ReLU6 passes back, whatever the way in which the network calls it.
        at: a value of the graph, for whose gradient is asked in place of the images'.

    Raises:
        EngineError: an operator on the way back has no derivative, the network gives something else than logits, or
            the rule does more than compute and compare; the message says which.

    >>> import numpy as np
    >>> from explainer.network.onnx.graph import Batch
    >>> from explainer.network.onnx.session import Session
    >>> builder = GraphBuilder((Batch(), 3))
    >>> squares = builder.node("Mul", builder.images, builder.images)
    >>> gradient = gradient_graph(builder.finished((squares,)))
    >>> Session(gradient, {})(np.float32([[1, 2, 3]]), np.float32([[1, 0, -1]]))[0].tolist()
    [[2.0, 0.0, -6.0]]
    """
    logits = _logits_of(graph)
    builder = GraphBuilder.going_on(graph)
    seed = builder.given("seed", logits.shape, logits.dtype)
    target = graph.images if at is None else at
    gradient = _Backward(builder, graph.nodes, target, rule).gradient(logits, seed)
    return builder.finished((gradient,) if at is None else (gradient, at))


def relus_of(graph: Graph) -> list[Node]:
    """The nodes on which a rule is laid: every ReLU and ReLU6 between the images and the outputs.

    >>> from explainer.network.onnx.graph import Batch
    >>> builder = GraphBuilder((Batch(), 3))
    >>> [node.operator for node in relus_of(builder.finished((builder.node("Relu", builder.images),)))]
    ['Relu']
    """
    between = _dependent(graph.nodes, graph.images)
    return [node for node in graph.nodes if node.operator in _RELUS and between.intersection(node.outputs)]


def _logits_of(graph: Graph) -> Value:
    if len(graph.outputs) != 1 or len(graph.outputs[0].shape) != 2 or graph.outputs[0].dtype not in _FLOATS:
        given = ", ".join(f"{output.dtype} of {len(output.shape)} axes" for output in graph.outputs)
        raise EngineError(f"a gradient is that of logits (N, K), but the network gives {given}")
    return graph.outputs[0]


class _Backward:
    """One way back: what of each value's gradient has come so far."""

    def __init__(self, builder: GraphBuilder, nodes: tuple[Node, ...], target: Value, rule: ReluRule) -> None:
        self._builder = builder
        self._nodes = nodes
        self._target = target
        self._rule = rule
        self._dependent = _dependent(nodes, target)
        self._gradients: dict[Value, Value] = {}

    def gradient(self, logits: Value, seed: Value) -> Value:
        """Of the target, for this gradient of the logits."""
        self._gradients[logits] = seed
        for node in reversed(self._nodes):
            if self._dependent.intersection(node.outputs) and any(entry in self._gradients for entry in node.outputs):
                self._step_back(node)
        found = self._gradients.get(self._target)
        return zeros(self._builder, self._target.shape, self._target.dtype) if found is None else found

    def _step_back(self, node: Node) -> None:
        self._builder.scope = node.scope
        upstreams = tuple(self._gradients.get(output) for output in node.outputs)
        for index, value in enumerate(node.inputs):
            if value is not None and value in self._dependent:
                step = Step(node, index, upstreams)
                self._add(value, summed_to(self._builder, self._derivative(step), value.shape))

    def _derivative(self, step: Step) -> Value:
        if step.node.operator in _RELUS:
            return _ruled(self._builder, step, self._rule)
        derivative = DERIVATIVES.get(step.node.operator)
        if derivative is None:
            raise step.refused()
        return derivative(self._builder, step)

    def _add(self, value: Value, gradient: Value) -> None:
        before = self._gradients.get(value)
        self._gradients[value] = gradient if before is None else self._builder.node("Add", before, gradient)


def _dependent(nodes: Iterable[Node], target: Value) -> set[Value | None]:
    """The values through which a gradient reaches the target, itself among them."""
    found: set[Value | None] = {target}
    for node in nodes:
        if node.differentiable and node.operator not in FLAT and found.intersection(node.inputs):
            found.update(output for output in node.outputs if output.dtype in _FLOATS)
    return found


def _ruled(graph: GraphBuilder, step: Step, rule: ReluRule) -> Value:
    """What a rule says; a ReLU's output is above zero where its input is, and need not be computed twice."""
    upstream, relu_input = Symbol(graph, step.upstream), Symbol(graph, step.input, positive=step.output)
    if step.node.operator == "Clip":
        upstream = upstream * (Symbol(graph, step.output) < _BOUND)
    try:
        given = rule(upstream, relu_input)
    except (EngineError, TypeError, AttributeError) as error:
        raise EngineError(f"the ReLU rule {name_of(rule)} cannot be laid on a graph: {error}") from error
    if not isinstance(given, Symbol) or given.shape != step.input.shape:
        raise EngineError(
            f"the ReLU rule {name_of(rule)} cannot be laid on a graph: it gives no value of the ReLU's shape"
        )
    return given.number().value


def name_of(rule: ReluRule) -> str:
    """What a rule is called: its function's name."""
    return getattr(rule, "__name__", type(rule).__name__)
