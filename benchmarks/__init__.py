"""Figures as ratios."""
