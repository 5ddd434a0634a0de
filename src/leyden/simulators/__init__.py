"""What is computed here, not measured: ionic liquids by PM7/COSMO, trajectories of lithium."""
