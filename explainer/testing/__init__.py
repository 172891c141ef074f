"""Contracts for an explainer, metric, job or sink of one's own, to be run in one's own tests; ours run through them.

Each is a class: a subclass says how an instance is made, and the `test_*` methods that it inherits are the contract.
pytest finds them in a module of tests, and they can be called one by one.

>>> from explainer.benchmark import Sparseness
>>> class TestSparseness(MetricContract):
...     def make(self):
...         return Sparseness(4)
>>> TestSparseness().test_scores_lie_within_the_declared_bounds_or_are_nan()
"""

from explainer.testing.counting import CountingClassifier
from explainer.testing.explainers import ExplainerContract
from explainer.testing.jobs import JobContract
from explainer.testing.metrics import MetricContract
from explainer.testing.sinks import SinkContract

__all__ = ["CountingClassifier", "ExplainerContract", "JobContract", "MetricContract", "SinkContract"]
