"""Real networks, real images and golden arrays for tests, bench and CI; none of them is kept in git."""
