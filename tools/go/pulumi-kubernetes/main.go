// Command pulumi-resource-kubernetes serves the Pulumi Kubernetes provider from its published Go module.
//
// The schema is a stub: create, update, delete and preview do not read it, only import and package tooling do.
// terraformMapping is only read by `pulumi convert`.
package main

import (
	"github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/provider"
)

// version is stamped at link time (-X main.version=...).
var version = "0.0.0-dev"

func main() {
	provider.Serve("kubernetes", version, []byte(`{"name":"kubernetes"}`), []byte(`{}`))
}
