"""What our metrics ask, as a page shows it; a metric of the user's own has none of these words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class MetricWords(NamedTuple):
    """question: that the metric answers. formula: how, in plain text. unit: of a score, "" for none."""

    question: str
    formula: str
    unit: str = ""


_BOXES = "Which part of {} lies in the object's box?"
_WORDS = {
    "NaiveFaithfulness": MetricWords(
        "Do the map's values foretell how far the probability drops when blocks are hidden?",
        "(1 + r) / 2, r the correlation of blocks' mean saliency with the drop of the probability",
    ),
    "DeletionAUC": MetricWords(
        "Does the probability drop early when important pixels go first?",
        "1 - the area under the probability while pixels are hidden, the most important first",
    ),
    "InsertionAUC": MetricWords(
        "Does the probability rise early when important pixels come first?",
        "the area under the probability while pixels are shown, the most important first",
    ),
    "ROAD combined": MetricWords(
        "Does the probability drop when important pixels are drawn from their neighbours?",
        "(1 + LeRF - MoRF) / 2, the mean probability after the least and the most relevant pixels are removed",
    ),
    "ROAD MoRF": MetricWords(
        "Does the probability drop when the most important pixels are drawn from their neighbours?",
        "the mean probability after the most relevant pixels are removed",
    ),
    "ROAD LeRF": MetricWords(
        "Does the probability stay when the least important pixels are drawn from their neighbours?",
        "the mean probability after the least relevant pixels are removed",
    ),
    "Infidelity": MetricWords(
        "Do the values add up to what hiding a square does?",
        "mean (sum of a hidden square's saliency - drop of the probability)^2, in parts of the mean squared drop",
    ),
    "PointingGame": MetricWords(
        "Does the highest pixel lie in the object's box?", "1 if the map's maximum is in the box, else 0"
    ),
    "IoSR": MetricWords(
        _BOXES.format("what is above half the maximum"),
        "pixels in the box with at least theta times the maximum / all pixels with that",
    ),
    "RelevanceMass": MetricWords(
        _BOXES.format("the positive values"), "sum of positive values in the box / sum of all positive values"
    ),
    "RelevanceRank": MetricWords(
        _BOXES.format("the highest pixels"), "of the K highest pixels the part in the box, K the box's size"
    ),
    "EnergyPointingGame": MetricWords(
        _BOXES.format("the stretched map"), "sum in the box / sum of all, the map stretched over [0, 1]"
    ),
    "AttributionAUC": MetricWords(
        "Is a pixel of the box above one outside?", "the area under the ROC curve of the map as a detector of the box"
    ),
    "ClassSensitivity": MetricWords(
        "Do the maps of the likeliest and the unlikeliest label differ?", "(1 - r) / 2, r the correlation of both maps"
    ),
    "Robustness": MetricWords(
        "Does the map stay when noise that does not change the prediction is added?",
        "exp(-max ||S(x') - S(x)|| / ||S(x)||) over noisy images x', S the map",
    ),
    "MaxSensitivity": MetricWords(
        "How much does the map change, at most, when noise is added?", "max ||S(x') - S(x)|| / ||S(x)||, S the map"
    ),
    "AvgSensitivity": MetricWords(
        "How much does the map change, on average, when noise is added?",
        "mean ||S(x') - S(x)|| / ||S(x)||, S the map",
    ),
    "RandomLogit": MetricWords(
        "Is the map of another label like this one?", "the structural similarity (SSIM) with the map of a random label"
    ),
    "MPRT": MetricWords(
        "Does the map stay while layer after layer loses what it learned?",
        "the mean rank correlation with the maps of the network with shuffled weights",
    ),
    "EfficientMPRT": MetricWords(
        "Does the map's disorder rise when the whole network has lost what it learned?",
        "(H(e') - H(e)) / H(e), H the entropy of a map's histogram, e' the map of shuffled weights",
    ),
    "Completeness": MetricWords(
        "Do the values add up to the logit's difference from a baseline?",
        "|f(x) - f(baseline) - sum of the map| / |f(x) - f(baseline)|",
    ),
    "Sparseness": MetricWords(
        "Is the map concentrated on few pixels?", "the Gini index of the absolute values; 1: one pixel has it all"
    ),
    "Complexity": MetricWords(
        "Is the map spread over many pixels?", "the entropy of the absolute values' parts in their sum", "nats"
    ),
}
_NONE = MetricWords("", "")


def words_of(settings: Mapping[str, object]) -> MetricWords:
    """The words for a metric.

    Args:
        settings: as a run has recorded them, which may be anything where a file is damaged.

    >>> words_of({"class": "Faithfulness", "metric": "InsertionAUC"}).question
    'Does the probability rise early when important pixels come first?'
    >>> words_of({"class": "MyMetric"}).question
    ''
    """
    kind = settings.get("class")
    if kind in ("Faithfulness", "Localization"):
        kind = settings.get("metric")
    elif kind == "ROAD":
        kind = f"ROAD {settings.get('order')}"
    return _WORDS.get(str(kind), _NONE)
