"""Shared set-up: `import explainer` comes first, before any operator of MindSpore runs."""

import explainer  # noqa: F401
