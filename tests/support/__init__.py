"""What tests share: running Pulumi on a copy of the project, and looking at what came out."""
