"""Factors move: axes, expansion, budgets, judges, exact search."""
