package main

import (
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"
)

// faults are the misbehaviours that tests ask for with SHIM_FAULT=name[,name…].
var faults = map[string]string{
	"no-tool-call":        "answers tool requests with plain text, as a server with a wrong parser does",
	"auto-only":           "as no-tool-call, but `required` and named choices still call the tool (they are grammar-constrained)",
	"tool-markup":         "leaves the model's tool markup in the content",
	"bad-arguments":       "calls the tool with arguments that are not JSON",
	"wrong-tool":          "calls a tool that nobody offered",
	"wrong-name":          "serves the model under another name, so that requests for it get 404",
	"http-500":            "answers every inference request with 500",
	"slow":                "waits SHIM_DELAY_SECONDS (default 5) before each inference answer",
	"hang":                "never answers an inference request",
	"nan-embedding":       "returns embeddings that are not finite",
	"empty-transcription": "returns no text",
	"crash":               "exits with code 1 after the start-up delay",
	"crash-on-request":    "exits with code 1 at the first inference request",
	"unhealthy":           "reports 503 at /health",
}

type Faults struct {
	names []string
	delay time.Duration
}

func faultsFromEnvironment() (Faults, error) {
	found := Faults{delay: seconds("SHIM_DELAY_SECONDS", 5)}
	for name := range strings.SplitSeq(os.Getenv("SHIM_FAULT"), ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		if _, known := faults[name]; !known {
			return found, fmt.Errorf("SHIM_FAULT=%q: allowed are %s", name, strings.Join(slices.Sorted(maps.Keys(faults)), ", "))
		}
		found.names = append(found.names, name)
	}
	return found, nil
}

func (f Faults) has(name string) bool { return slices.Contains(f.names, name) }

// seconds reads a duration in seconds from the environment.
func seconds(variable string, fallback float64) time.Duration {
	value := fallback
	if text := os.Getenv(variable); text != "" {
		if _, err := fmt.Sscanf(text, "%g", &value); err != nil || value < 0 {
			fmt.Fprintf(os.Stderr, "vllm-shim: %s=%q is not a number of seconds; using %g\n", variable, text, fallback)
			value = fallback
		}
	}
	return time.Duration(value * float64(time.Second))
}
