"""Review: what the slicer is unsure of, shown to a person, and what the person chose, given back to the catalog."""
