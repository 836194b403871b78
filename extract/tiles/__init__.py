"""Tiles: what the pieces of a sheet have to do with one another, and taking them out of the catalog."""
