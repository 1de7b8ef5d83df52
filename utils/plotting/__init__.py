"""Figures. Each takes a tidy table and an optional `ax`, and returns the Axes; `show` puts it out with its alt text."""
