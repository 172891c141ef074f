"""The bench: ours beside what the needed passes cost (the floors), and beside other libraries (the peers).

rows       what is measured, and what is to be reached
networks   on what
exporting  the networks' weights, graphs and images, written for every side
ours, mindspore_floor, onnx_floor, mindspore_peer, torch_peer    the sides: each turns a row into calls
worker     the process of a side: it times what it is asked to
sides      these processes, as they are seen from outside
measuring  all sides of a row, asked in turn
table      what was measured, for a terminal and for docs/performance.md
flatness, shares   peak memory by the size of the task; the part of a run's CPU time that writing takes

The sides of rows and networks import neither MindSpore nor torch: they are read in both environments.
"""
