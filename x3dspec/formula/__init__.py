"""Closed forms of costs: printed, differentiated and solved by sympy."""
