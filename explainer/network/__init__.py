"""The user's network behind one seam; importing this loads no MindSpore."""
