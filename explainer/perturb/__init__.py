"""The perturbation engine: everything that changes pixels and evaluates the network again goes through `evaluated`.

A keep mask is (H, W) with values in [0, 1]: 1 shows the image, 0 shows the fill, between them both are mixed. Masks
come one by one (`masks`), the fill is what is shown instead (`fills`), the engine makes the batches (`engine`).
"""
