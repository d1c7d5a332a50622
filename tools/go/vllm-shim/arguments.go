package main

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Arguments are the parsed command line. Values are strings, as given; Go types are made where they are used.
type Arguments struct {
	Model  string
	values map[string][]string
	bools  map[string]bool
	table  *Table
}

// Refusal is how vLLM refuses a command line: text and exit code.
type Refusal struct {
	Text string
	Code int
}

func (r *Refusal) Error() string { return r.Text }

// serveUsage and topUsage are the usage lines that argparse prints first.
const (
	serveUsage = "usage: vllm serve [model_tag] [options]\nvllm serve: error: "
	topUsage   = "usage: vllm [-h] [-v]\n" +
		"            {chat,complete,serve,launch,bench,collect-env,download-kernels,preload,run-batch,snapshot}\n" +
		"            ...\nvllm: error: "
)

// refuse is an argparse error of the subcommand; crash is an exception, which ends Python with exit code 1.
func refuse(format string, parts ...any) *Refusal {
	return &Refusal{serveUsage + fmt.Sprintf(format, parts...), 2}
}

func crash(format string, parts ...any) *Refusal { return &Refusal{fmt.Sprintf(format, parts...), 1} }

var (
	negativeNumber = regexp.MustCompile(`^-\d+$|^-\d*\.\d+$`)
	humanNumber    = regexp.MustCompile(`^(\d+(?:\.\d+)?)([kKmMgGtT])$`)
	servedName     = regexp.MustCompile(`^--served[-_]model[-_]name(=.+|$)`)
	modelOption    = regexp.MustCompile(`^--model(=.+|$)`)
	taskOption     = regexp.MustCompile(`(^|\s)--task(=|\s|$)`)
)

const taskHint = "\n\nHint: --task is not a vllm serve option. For embedding, reranking, or reward models, use " +
	"--runner pooling. To adapt a generative model for pooling, also use --convert embed, --convert classify, or " +
	"--convert reward."

const defaultModel = "Qwen/Qwen3-0.6B"

// parseArguments does what `vllm serve` does with its command line: vLLM's own preprocessing, then Python's argparse
// (one optional positional), then vLLM's checks before it loads a model. Held to recorded answers of the real parser
// by arguments_test.go.
func parseArguments(table *Table, argv []string) (*Arguments, error) {
	argv, err := preprocess(argv)
	if err != nil {
		return nil, err
	}
	parsed := &Arguments{Model: defaultModel, values: map[string][]string{}, bools: map[string]bool{}, table: table}
	if err := parsed.consume(argv); err != nil {
		return nil, err
	}
	if err := parsed.validate(); err != nil {
		return nil, err
	}
	return parsed, nil
}

// preprocess is FlexibleArgumentParser.parse_args: --model moved to the front, underscores, -O3, dotted JSON keys.
func preprocess(argv []string) ([]string, error) {
	for index, argument := range argv {
		if !modelOption.MatchString(argument) {
			continue
		}
		value, given := strings.CutPrefix(argument, "--model=")
		rest := argv[index+1:]
		if !given {
			if len(rest) == 0 {
				return nil, crash("IndexError: list index out of range")
			}
			value, rest = rest[0], rest[1:]
		}
		argv = slices.Concat([]string{value}, argv[:index], rest)
		break
	}
	if len(argv) > 0 && strings.HasPrefix(argv[0], "-") && slices.ContainsFunc(argv, servedName.MatchString) {
		return nil, crash("ValueError: `model` should be provided as the first positional argument when using " +
			"`vllm serve`. i.e. `vllm serve <model> --<arg> <value>`.")
	}
	var processed []string
	for index, argument := range argv {
		switch {
		case strings.HasPrefix(argument, "--help="):
			processed = append(processed, "--help")
		case strings.HasPrefix(argument, "--"):
			name, value, assigned := strings.Cut(argument, "=")
			head, tail, dotted := strings.Cut(name, ".")
			name = strings.ReplaceAll(head, "_", "-")
			if dotted {
				name += "." + tail
			}
			if assigned {
				name += "=" + value
			}
			processed = append(processed, name)
		case strings.HasPrefix(argument, "-O") && argument != "-O":
			level := strings.TrimPrefix(argument[2:], "=")
			processed = append(processed, "--optimization-level", level)
		case argument == "-O" && index+1 < len(argv) && slices.Contains([]string{"0", "1", "2", "3"}, argv[index+1]):
			processed = append(processed, "--optimization-level")
		default:
			processed = append(processed, argument)
		}
	}
	return joinDotted(processed)
}

// joinDotted turns `--key.a.b 1 --key.c x` into `--key {"a": {"b": 1}, "c": "x"}`.
func joinDotted(argv []string) ([]string, error) {
	var kept, order []string
	documents := map[string]map[string]any{}
	for index := 0; index < len(argv); index++ {
		name, value, assigned := strings.Cut(argv[index], "=")
		if !strings.HasPrefix(name, "-") || !strings.Contains(name, ".") || negativeNumber.MatchString(argv[index]) {
			kept = append(kept, argv[index])
			continue
		}
		if !assigned {
			if index++; index >= len(argv) {
				return nil, crash("IndexError: list index out of range")
			}
			value = argv[index]
		}
		if trimmed, list := strings.CutSuffix(name, "+"); list {
			name = trimmed
			encoded, _ := json.Marshal(strings.Split(value, ","))
			value = string(encoded)
		}
		var decoded any
		if json.Unmarshal([]byte(value), &decoded) != nil {
			decoded = value
			if number, err := humanInt(value); err == nil {
				decoded = number
			}
		}
		path := strings.Split(name, ".")
		if documents[path[0]] == nil {
			documents[path[0]] = map[string]any{}
			order = append(order, path[0])
		}
		place := documents[path[0]]
		for _, key := range path[1 : len(path)-1] {
			inner, ok := place[key].(map[string]any)
			if !ok {
				inner = map[string]any{}
				place[key] = inner
			}
			place = inner
		}
		place[path[len(path)-1]] = decoded
	}
	for _, name := range order {
		encoded, _ := json.Marshal(documents[name])
		kept = append(kept, name, string(encoded))
	}
	return kept, nil
}

// option is one argument that argparse takes for an option: its flag (nil when unknown) and `=value`.
type option struct {
	flag     *Flag
	spelling string
	explicit *string
}

// consume is argparse's own loop (CPython 3.11) for optional arguments and one positional with nargs "?".
func (a *Arguments) consume(argv []string) error {
	known := map[string]*Flag{}
	for _, flag := range a.table.Flags {
		for _, spelling := range flag.spellings() {
			known[spelling] = flag
		}
	}
	options := map[int]option{}
	pattern := make([]byte, len(argv)) // 'O' option, 'A' argument, '-' the separator
	onlyArguments := false
	for index, argument := range argv {
		switch {
		case onlyArguments:
			pattern[index] = 'A'
		case argument == "--":
			pattern[index], onlyArguments = '-', true
		default:
			found, isOption, err := classify(known, argument)
			if err != nil {
				return err
			}
			pattern[index] = 'A'
			if isOption {
				pattern[index] = 'O'
				options[index] = found
			}
		}
	}
	var extras []string
	modelTaken := false
	positional := func(from, to int) int { // consumes at most one argument in argv[from:to], skipping "--"
		if modelTaken {
			return from
		}
		end := from
		for end < to && pattern[end] == '-' {
			end++
		}
		if end < to && pattern[end] == 'A' {
			a.Model = argv[end]
			end++
			for end < to && pattern[end] == '-' {
				end++
			}
		}
		modelTaken = true
		return end
	}
	for start := 0; start < len(argv); {
		next := start
		for next < len(argv) && pattern[next] != 'O' {
			next++
		}
		if start != next {
			end := positional(start, next)
			for _, extra := range argv[end:next] {
				if extra != "--" {
					extras = append(extras, extra)
				}
			}
			start = next
			continue
		}
		found := options[start]
		start++
		if found.flag == nil {
			extras = append(extras, argv[start-1])
			continue
		}
		count := 0
		limit := map[string]int{"": 1, "?": 1, "+": math.MaxInt}[found.flag.Values]
		if found.flag.Type == "boolean" || found.flag.Type == "help" {
			limit = 0
		}
		if found.explicit != nil {
			if limit == 0 {
				return refuse("argument %s: ignored explicit argument %s", found.flag.title(), quote(*found.explicit))
			}
			if err := a.store(found, []string{*found.explicit}); err != nil {
				return err
			}
			continue
		}
		for start+count < len(argv) && count < limit && pattern[start+count] == 'A' {
			count++
		}
		if limit > 0 && count == 0 && found.flag.Values != "?" {
			return refuse("argument %s: expected %s", found.flag.title(),
				map[string]string{"": "one argument", "+": "at least one argument"}[found.flag.Values])
		}
		if err := a.store(found, argv[start:start+count]); err != nil {
			return err
		}
		start += count
	}
	if len(extras) > 0 {
		text := "unrecognized arguments: " + strings.Join(extras, " ")
		if taskOption.MatchString(text) {
			text += taskHint
		}
		return &Refusal{topUsage + text, 2}
	}
	return nil
}

// classify says whether argparse takes an argument for an option, and which.
func classify(known map[string]*Flag, argument string) (option, bool, error) {
	if argument == "" || argument[0] != '-' {
		return option{}, false, nil
	}
	if flag := known[argument]; flag != nil {
		return option{flag: flag, spelling: argument}, true, nil
	}
	if len(argument) == 1 {
		return option{}, false, nil
	}
	name, value, assigned := strings.Cut(argument, "=")
	var explicit *string
	if assigned {
		explicit = &value
		if flag := known[name]; flag != nil {
			return option{flag, name, explicit}, true, nil
		}
	}
	var matches []string
	for spelling := range known {
		if strings.HasPrefix(argument, "--") && strings.HasPrefix(spelling, name) ||
			!strings.HasPrefix(argument, "--") && strings.HasPrefix(spelling, argument) {
			matches = append(matches, spelling)
		}
	}
	slices.Sort(matches)
	switch {
	case len(matches) > 1:
		return option{}, false, refuse("ambiguous option: %s could match %s", argument, strings.Join(matches, ", "))
	case len(matches) == 1:
		return option{known[matches[0]], matches[0], explicit}, true, nil
	case negativeNumber.MatchString(argument), strings.Contains(argument, " "):
		return option{}, false, nil
	}
	return option{}, true, nil
}

// store checks the values of one option as its argparse type and choices do.
func (a *Arguments) store(given option, values []string) error {
	name := strings.TrimPrefix(given.flag.Name, "--")
	if given.flag.Type == "boolean" {
		a.bools[name] = !slices.Contains(given.flag.Negative, given.spelling)
		return nil
	}
	for _, value := range values {
		if problem := given.flag.check(value); problem != "" {
			return refuse("argument %s: %s", given.flag.title(), problem)
		}
	}
	a.values[name] = values
	return nil
}

// check says what argparse would say against a value; "" when it is fine.
func (f *Flag) check(value string) string {
	none := f.NoneAllowed && (value == "" || value == "None")
	if !none {
		if problem := f.checkType(value); problem != "" {
			return problem
		}
	}
	if none {
		value = "None"
	}
	if len(f.Choices) > 0 && !slices.Contains(f.Choices, value) {
		quoted := make([]string, len(f.Choices))
		for index, choice := range f.Choices {
			quoted[index] = quote(choice)
			if choice == "None" || f.Type != "string" {
				quoted[index] = choice
			}
		}
		return fmt.Sprintf("invalid choice: %s (choose from %s)", quote(value), strings.Join(quoted, ", "))
	}
	return ""
}

func (f *Flag) checkType(value string) string {
	invalid := func(kind string) string {
		if f.NoneAllowed {
			return fmt.Sprintf("Value %s cannot be converted to <class '%s'>.", value, kind)
		}
		return fmt.Sprintf("invalid %s value: %s", kind, quote(value))
	}
	switch f.Type {
	case "int":
		if _, err := pythonInt(value); err != nil {
			return invalid("int")
		}
	case "float":
		if _, err := strconv.ParseFloat(strings.ReplaceAll(strings.TrimSpace(value), "_", ""), 64); err != nil {
			return invalid("float")
		}
	case "human_int", "human_int_or_auto":
		text := strings.TrimSpace(value)
		if f.Type == "human_int_or_auto" && (text == "-1" || strings.EqualFold(text, "auto")) {
			return ""
		}
		if _, err := humanInt(text); err != nil {
			if err.Error() != "" {
				return err.Error()
			}
			return invalid(map[string]string{"human_int": "human_readable_int", "human_int_or_auto": "human_readable_int_or_auto"}[f.Type])
		}
	case "json", "json_or_string":
		trimmed := strings.TrimSpace(value)
		if f.Type == "json_or_string" && !(strings.HasPrefix(trimmed, "{") && strings.HasSuffix(trimmed, "}")) {
			return ""
		}
		return f.checkJSON(value)
	}
	return ""
}

func (f *Flag) checkJSON(value string) string {
	var decoded any
	if err := json.Unmarshal([]byte(value), &decoded); err != nil {
		switch {
		case f.Config != "":
			return fmt.Sprintf("1 validation error for %s\n  Invalid JSON: %v", f.Config, err)
		case f.NoneAllowed || f.Type == "json_or_string":
			return fmt.Sprintf("Value %s cannot be converted to <function loads>.", value)
		}
		return fmt.Sprintf("invalid loads value: %s", quote(value))
	}
	document, isObject := decoded.(map[string]any)
	if len(f.Keys) > 0 && isObject {
		for key := range document {
			if !slices.Contains(f.Keys, key) {
				return fmt.Sprintf("1 validation error for %s\n%s\n  Unexpected keyword argument", f.Config, key)
			}
		}
	}
	return ""
}

// validate is vLLM's validate_parsed_serve_args and validate_api_server_args, and its look-up of the reasoning parser.
func (a *Arguments) validate() error {
	parser := a.text("tool-call-parser")
	auto := a.boolean("enable-auto-tool-choice")
	switch {
	case auto && parser == "":
		return crash("TypeError: Error: --enable-auto-tool-choice requires --tool-call-parser")
	case a.boolean("enable-log-outputs") && !a.boolean("enable-log-requests"):
		return crash("TypeError: Error: --enable-log-outputs requires --enable-log-requests")
	case strings.HasPrefix(a.text("sse-keep-alive-interval"), "-"):
		return crash("ValueError: Error: --sse-keep-alive-interval must be a non-negative integer (0 disables keep-alive comments).")
	case a.boolean("enable-per-request-metrics") && a.boolean("disable-log-stats"):
		return crash("ValueError: Error: --enable-per-request-metrics requires engine statistics logging; remove --disable-log-stats to enable per-request metrics.")
	}
	if auto && a.text("tool-parser-plugin") == "" && !slices.Contains(a.table.ToolParsers, parser) {
		return crash("KeyError: 'invalid tool call parser: %s (chose from { %s })'", parser, strings.Join(a.table.ToolParsers, ","))
	}
	reasoning := a.text("reasoning-parser")
	if reasoning != "" && !strings.EqualFold(reasoning, "none") && a.text("reasoning-parser-plugin") == "" &&
		!slices.Contains(a.table.ReasoningParsers, reasoning) {
		return crash("KeyError: \"Reasoning parser '%s' not found. Available parsers: %s\"", reasoning, strings.Join(a.table.ReasoningParsers, ", "))
	}
	return nil
}

// removedHints tells, for our own log, what to write instead of options that earlier releases had.
func (a *Table) removedHints(argv []string) []string {
	var hints []string
	for _, argument := range argv {
		name, _, _ := strings.Cut(strings.TrimPrefix(argument, "--"), "=")
		if hint, removed := a.Removed[strings.ReplaceAll(name, "_", "-")]; removed && strings.HasPrefix(argument, "--") {
			hints = append(hints, fmt.Sprintf("--%s is gone in vLLM %s; instead: %s", name, a.Release, hint))
		}
	}
	return hints
}

func (a *Arguments) boolean(name string) bool {
	if value, given := a.bools[name]; given {
		return value
	}
	value, _ := a.table.Flags[name].Default.(bool)
	return value
}

// text is the last value given; "" when none was, or "None" where that means none.
func (a *Arguments) text(name string) string {
	values := a.values[name]
	if len(values) == 0 || values[0] == "None" && a.table.Flags[name].NoneAllowed {
		return ""
	}
	return values[0]
}

// number is an integer option in vLLM's notation (128k, auto = -1), or the fallback when it was not given.
func (a *Arguments) number(name string, fallback int64) int64 {
	text := strings.TrimSpace(a.text(name))
	switch {
	case text == "":
		return fallback
	case strings.EqualFold(text, "auto"):
		return -1
	}
	if value, err := humanInt(text); err == nil {
		return value
	}
	return fallback
}

func humanInt(text string) (int64, error) {
	if parts := humanNumber.FindStringSubmatch(text); parts != nil {
		exponent := strings.Index("kmgt", strings.ToLower(parts[2])) + 1
		if parts[2] == strings.ToLower(parts[2]) {
			number, _ := strconv.ParseFloat(parts[1], 64)
			return int64(number * math.Pow(1000, float64(exponent))), nil
		}
		number, err := strconv.ParseInt(parts[1], 10, 64)
		if err != nil {
			return 0, fmt.Errorf("Decimals are not allowed with binary suffixes like %s. Did you mean to use %s%s instead?",
				parts[2], parts[1], strings.ToLower(parts[2]))
		}
		return number << (10 * exponent), nil
	}
	number, err := pythonInt(text)
	if err != nil {
		return 0, fmt.Errorf("")
	}
	return number, nil
}

// pythonInt accepts what Python's int() does: outer blanks, a sign, underscores between digits.
func pythonInt(text string) (int64, error) {
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "_") || strings.HasSuffix(text, "_") || strings.Contains(text, "__") {
		return 0, strconv.ErrSyntax
	}
	return strconv.ParseInt(strings.ReplaceAll(text, "_", ""), 10, 64)
}

// quote is Python's repr() of a plain string.
func quote(text string) string {
	if strings.Contains(text, "'") && !strings.Contains(text, `"`) {
		return `"` + text + `"`
	}
	return "'" + strings.ReplaceAll(text, "'", `\'`) + "'"
}
