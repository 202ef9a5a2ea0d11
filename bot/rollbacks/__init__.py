"""What can be asked of rollbacks: which SQL takes a promotion back, on what ground, and who may press."""
