"""What we are measured against, set up as its own documentation says."""
