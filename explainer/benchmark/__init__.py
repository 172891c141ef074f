"""The ways to score explanations."""

from explainer.benchmark.base import Case, Metric, ScoreBoard

__all__ = ["Case", "Metric", "ScoreBoard"]
