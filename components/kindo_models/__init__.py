"""kindo-models: Pulumi components that turn one model contract into a running, verified and registered platform."""
