"""Page objects: HTML in, values out; no network, no state."""
