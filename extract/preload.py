"""What worker processes import before they are forked. Importing this costs nothing."""

PRELOAD = ("extract.worker", "extract.images.pillow_decoder", "click")
