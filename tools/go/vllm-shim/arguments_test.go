package main

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// recorded is one command line and what vLLM's own parser made of it (release/record_cases.py).
type recorded struct {
	Arguments []string       `json:"arguments"`
	Code      int            `json:"code"`
	Message   string         `json:"message"`
	Parsed    map[string]any `json:"parsed"`
}

// releaseTable is the catalog's table of the pinned release, as the image gets it.
func releaseTable(t *testing.T) *Table {
	t.Helper()
	table, err := loadTable()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func recordings(t *testing.T, release string) []recorded {
	t.Helper()
	text, err := os.ReadFile("testdata/vllm-" + release + ".json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []recorded
	if err := json.Unmarshal(text, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 100 {
		t.Fatalf("only %d recorded command lines", len(cases))
	}
	return cases
}

func TestAnswersLikeTheRealParser(t *testing.T) {
	table := releaseTable(t)
	for _, want := range recordings(t, table.Release) {
		t.Run(strings.Join(want.Arguments, " "), func(t *testing.T) {
			got, err := parseArguments(table, want.Arguments)
			if want.Code == 0 && slices.Contains(want.Arguments, "qwen2") {
				// The recorder stops before vLLM looks up the reasoning parser, which then ends the start.
				if err == nil || !strings.Contains(err.Error(), "Reasoning parser 'qwen2' not found") {
					t.Fatalf("an unknown reasoning parser must end the start, got %v", err)
				}
				return
			}
			if want.Code != 0 {
				refusal, ok := err.(*Refusal)
				if !ok || refusal.Code != want.Code {
					t.Fatalf("got %v, want exit code %d: %s", err, want.Code, want.Message)
				}
				if expected := comparable(want.Message); !strings.HasSuffix(comparable(refusal.Text), expected) {
					t.Errorf("got  %q\nwant %q", comparable(refusal.Text), expected)
				}
				return
			}
			if err != nil {
				t.Fatalf("vLLM accepts it, the shim says: %v", err)
			}
			compareParsed(t, got, want.Parsed)
		})
	}
}

// comparable drops what no other program can repeat: memory addresses, pydantic's details, the order of candidates.
func comparable(message string) string {
	message = strings.TrimSpace(message)
	if before, _, found := strings.Cut(message, " at 0x"); found {
		message = before + ">."
	}
	if before, candidates, found := strings.Cut(message, "could match "); found {
		names := strings.Split(candidates, ", ")
		slices.Sort(names)
		message = before + "could match " + strings.Join(names, ", ")
	}
	if strings.Contains(message, "validation error for") {
		message, _, _ = strings.Cut(message, "\n  ")
	}
	if strings.HasPrefix(message, "error: unrecognized arguments:") {
		message = strings.TrimPrefix(message, "error: ")
	}
	return strings.TrimPrefix(message, "error: ")
}

func compareParsed(t *testing.T, got *Arguments, want map[string]any) {
	t.Helper()
	for name, value := range want {
		option := strings.ReplaceAll(name, "_", "-")
		var mine string
		switch flag := got.table.Flags[option]; {
		case name == "model":
			mine = got.Model
		case flag.Type == "boolean":
			mine = strconv.FormatBool(got.boolean(option))
			if _, given := got.bools[option]; !given && value == nil {
				continue // unset, which vLLM resolves later
			}
		case flag.Values == "+":
			mine = fmt.Sprint(got.values[option])
			if value == nil {
				value = []any{}
			}
		case flag.Type == "int" || strings.HasPrefix(flag.Type, "human_int"):
			fallback, _ := flag.Default.(float64)
			mine = fmt.Sprint(got.number(option, int64(fallback)))
			if value == nil {
				value = 0
			}
			if number, ok := value.(float64); ok {
				value = int64(number)
			}
		case flag.Type == "float":
			number, err := strconv.ParseFloat(strings.TrimSpace(got.text(option)), 64)
			if err != nil {
				number, _ = flag.Default.(float64)
			}
			mine = fmt.Sprint(number)
		case name == "hf_overrides":
			decoded := map[string]any{}
			_ = json.Unmarshal([]byte(got.text(option)), &decoded)
			mine = fmt.Sprint(decoded)
		default:
			mine = got.text(option)
			if mine == "" {
				mine, _ = flag.Default.(string)
			}
			if value == nil {
				value = ""
			}
		}
		if mine != fmt.Sprint(value) {
			t.Errorf("%s: got %q, vLLM has %q", name, mine, fmt.Sprint(value))
		}
	}
}

func TestRemovedOptionsNameWhatToWriteInstead(t *testing.T) {
	table := releaseTable(t)
	hints := table.removedHints([]string{"m", "--swap-space", "4", "--task=embed", "--port", "8000"})
	if len(hints) != 2 || !strings.Contains(hints[1], "--runner pooling") {
		t.Errorf("got %q", hints)
	}
}
