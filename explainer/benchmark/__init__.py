"""The ways to score explanations."""

from explainer.benchmark.base import Case, LabelMetric, Metric
from explainer.benchmark.class_sensitivity import ClassSensitivity
from explainer.benchmark.completeness import Completeness
from explainer.benchmark.complexity import Complexity, Sparseness
from explainer.benchmark.faithfulness import Curve, Faithfulness
from explainer.benchmark.infidelity import Infidelity
from explainer.benchmark.localization import Localization
from explainer.benchmark.randomisation import MPRT, Cascade, EfficientMPRT, RandomLogit
from explainer.benchmark.relevance import AttributionAUC, EnergyPointingGame, RelevanceMass, RelevanceRank
from explainer.benchmark.road import ROAD
from explainer.benchmark.robustness import AvgSensitivity, MaxSensitivity, Robustness
from explainer.score_board import ScoreBoard

__all__ = [
    "MPRT",
    "ROAD",
    "AttributionAUC",
    "AvgSensitivity",
    "Cascade",
    "Case",
    "ClassSensitivity",
    "Completeness",
    "Complexity",
    "Curve",
    "EfficientMPRT",
    "EnergyPointingGame",
    "Faithfulness",
    "Infidelity",
    "LabelMetric",
    "Localization",
    "MaxSensitivity",
    "Metric",
    "RandomLogit",
    "RelevanceMass",
    "RelevanceRank",
    "Robustness",
    "ScoreBoard",
    "Sparseness",
]
