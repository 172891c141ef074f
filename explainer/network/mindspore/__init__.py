"""MindSpore behind the seam. The only room that touches the user's cells; importing this loads no MindSpore."""
