"""A local replica of an OpenGameArt-like site: content made from freely licensed art, and a server for it."""
