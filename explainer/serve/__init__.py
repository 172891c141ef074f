"""A report that is served while its run goes on: the same page, its chunks made when they are asked for."""
