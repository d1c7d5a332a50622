// Command coredns is CoreDNS with only the plugins that a cluster's DNS needs.
package main

import (
	_ "github.com/coredns/coredns/plugin/cache"
	_ "github.com/coredns/coredns/plugin/errors"
	_ "github.com/coredns/coredns/plugin/health"
	_ "github.com/coredns/coredns/plugin/hosts"
	_ "github.com/coredns/coredns/plugin/kubernetes"
	_ "github.com/coredns/coredns/plugin/ready"

	"github.com/coredns/coredns/core/dnsserver"
	"github.com/coredns/coredns/coremain"
)

func init() {
	// The order in which plugins see a query (CoreDNS plugin.cfg order).
	dnsserver.Directives = []string{"errors", "health", "ready", "cache", "hosts", "kubernetes"}
}

func main() { coremain.Run() }
