"""image → search: consumers of the catalog."""
