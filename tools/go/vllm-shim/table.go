package main

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Flag is one option of `vllm serve`, as the release's own parser describes it.
type Flag struct {
	Name        string   `json:"-"` // "--max-model-len"
	Type        string   `json:"type"`
	Config      string   `json:"config"`
	Keys        []string `json:"keys"`
	Negative    []string `json:"negative"`
	Aliases     []string `json:"aliases"`
	Choices     []string `json:"choices"`
	Values      string   `json:"values"` // argparse nargs: "", "?" or "+"
	NoneAllowed bool     `json:"none_allowed"`
	Default     any      `json:"default"`
	Deprecated  string   `json:"deprecated"`
}

// Table is the catalog's data of one vLLM release (components/kindo_models/catalog/data/vllm_releases) as JSON, written
// by tools/peripherals/vllm_flags.py.
type Table struct {
	Release          string            `json:"release"`
	Flags            map[string]*Flag  `json:"flags"`
	Removed          map[string]string `json:"removed"`
	ToolParsers      []string          `json:"tool_parsers"`
	ReasoningParsers []string          `json:"reasoning_parsers"`
}

//go:embed flags.json
var embeddedTable []byte

// beside is the path of a file in the folder that holds this binary.
func beside(name string) (string, error) {
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	if self, err = filepath.EvalSymlinks(self); err != nil {
		return "", err
	}
	return filepath.Join(filepath.Dir(self), name), nil
}

// loadTable reads the table of $SHIM_FLAGS, else the one that was built in.
func loadTable() (*Table, error) {
	text, path := embeddedTable, "built-in flag table"
	if given := os.Getenv("SHIM_FLAGS"); given != "" {
		var err error
		if text, err = os.ReadFile(given); err != nil {
			return nil, err
		}
		path = given
	}
	table := &Table{}
	if err := json.Unmarshal(text, table); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if table.Release == "" || len(table.Flags) == 0 {
		return nil, fmt.Errorf("%s: no release or no flags in it", path)
	}
	for name, flag := range table.Flags {
		flag.Name = "--" + name
	}
	return table, nil
}

// spellings are all option strings that mean this flag.
func (f *Flag) spellings() []string {
	return slices.Concat([]string{f.Name}, f.Aliases, f.Negative)
}

// title is how argparse names the option in an error: what it shows in --help, joined by slashes.
func (f *Flag) title() string {
	negative := slices.DeleteFunc(slices.Clone(f.Negative), func(s string) bool {
		return strings.HasPrefix(s, "--no-enable-") || strings.HasPrefix(s, "--no-disable-")
	})
	return strings.Join(slices.Concat([]string{f.Name}, f.Aliases, negative), "/")
}
