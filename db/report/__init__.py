"""The catalog as a browsable folder of HTML: contact sheets that need no server."""
