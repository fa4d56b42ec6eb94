"""The exact search of a lattice of factors."""
