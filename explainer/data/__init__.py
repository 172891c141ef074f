"""Samples and where they come from; importing this loads no MindSpore."""
