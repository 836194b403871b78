"""A page to search with, rendered on the server: Starlette, Jinja templates and htmx, no build step."""
