"""The ways to score explanations."""

from explainer.benchmark.base import Case, LabelMetric, Metric, ScoreBoard
from explainer.benchmark.faithfulness import Curve, Faithfulness
from explainer.benchmark.localization import Localization

__all__ = ["Case", "Curve", "Faithfulness", "LabelMetric", "Localization", "Metric", "ScoreBoard"]
