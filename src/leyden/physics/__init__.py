"""Closed-form science, no learning: arrays in, arrays out."""
