"""blob → tile: takes archives apart, decodes images, slices sheets. A stage each; see extract.run."""
