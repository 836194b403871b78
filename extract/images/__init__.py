"""One decoder per family of image formats, behind one interface."""
