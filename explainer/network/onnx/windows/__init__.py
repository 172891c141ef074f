"""Images of which a window is hidden: of a network only what the window changes, for every place of it."""
