"""One site or kind of source, one short file."""
