"""Data sets that are computed here: from molecular structure and physics, not from measurement."""
