"""The page on which a person looks at single examples: what is computed for it, how it is packed, and the page."""
