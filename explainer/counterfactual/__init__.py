"""The ways to explain a label by what would have to change: the region it needs, the region it dies without."""

from explainer.counterfactual.backgrounds import auto_mask
from explainer.counterfactual.edit_tree import EditStep, StopReason
from explainer.counterfactual.label_search import SearchResult
from explainer.counterfactual.search import HierarchicalOcclusion
from explainer.counterfactual.windows import auto_strides, auto_win_sizes

__all__ = [
    "EditStep",
    "HierarchicalOcclusion",
    "SearchResult",
    "StopReason",
    "auto_mask",
    "auto_strides",
    "auto_win_sizes",
]
