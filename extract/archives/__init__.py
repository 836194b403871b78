"""Archive → members: one reader per family of formats behind one interface, limits on every byte, safe names."""
