"""Tables of scores in Markdown files, made of what committed runs found."""
