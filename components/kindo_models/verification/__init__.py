"""The checks of an endpoint (`checks`, a standalone script), and the gate that runs them as a Job in the cluster."""
