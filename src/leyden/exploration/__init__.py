"""Exploration: what to measure or simulate next, and a campaign that keeps what was found."""
