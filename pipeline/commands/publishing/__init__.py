"""What `pipeline.commands.publish` is made of."""
