"""Figures with sliders: live under a kernel, alive in the static page, a still in print."""
