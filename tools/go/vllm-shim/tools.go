package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// chatRequest is what the shim reads of a chat request; everything else passes through.
type chatRequest struct {
	Model    string `json:"model"`
	Stream   bool   `json:"stream"`
	Messages []struct {
		Role    string `json:"role"`
		Content any    `json:"content"`
	} `json:"messages"`
	Tools []struct {
		Function struct {
			Name       string         `json:"name"`
			Parameters map[string]any `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
	ToolChoice    any `json:"tool_choice"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
}

// chat answers POST /v1/chat/completions. The simulator makes every answer; the shim decides, as vLLM's start
// arguments do, whether tools are called, and puts sensible arguments in place of the simulator's random ones.
func (s *Server) chat(writer http.ResponseWriter, request *http.Request, body []byte) {
	var chat chatRequest
	document := map[string]any{}
	if err := json.Unmarshal(body, &chat); err == nil {
		err = json.Unmarshal(body, &document)
	} else if err != nil {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", "request body is not a chat completion request: "+err.Error(), "")
		return
	}
	choice, named := chat.choice()
	parser := s.arguments.boolean("enable-auto-tool-choice")
	if choice != "none" && !parser {
		problem := fmt.Sprintf("tool_choice=\"%s\" requires --tool-call-parser to be set", choice)
		switch {
		case choice == "auto":
			problem = `"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`
		case named != "":
			problem = fmt.Sprintf("tool_choice=function \"%s\" requires --tool-call-parser to be set", named)
		}
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", problem, "")
		return
	}
	answersResult := len(chat.Messages) > 0 && chat.Messages[len(chat.Messages)-1].Role == "tool"
	plain := choice == "none" || choice == "auto" && answersResult || s.faults.has("no-tool-call") ||
		s.faults.has("auto-only") && choice == "auto"
	if plain {
		delete(document, "tools")
		delete(document, "tool_choice")
		s.pass(writer, request, document)
		return
	}
	tool := chat.pickTool(named)
	if tool < 0 {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError",
			"The tool specified in `tool_choice` does not match any of the specified `tools`", "tool_choice")
		return
	}
	document["tool_choice"], document["stream"] = "required", false
	document["tools"] = []any{simplestTool(chat.Tools[tool].Function.Name)}
	delete(document, "stream_options")
	answer, status, err := s.ask(request, document)
	if err != nil || status != http.StatusOK {
		s.relay(writer, status, answer, err)
		return
	}
	var completion map[string]any
	if err := json.Unmarshal(answer, &completion); err != nil {
		s.relay(writer, http.StatusBadGateway, answer, err)
		return
	}
	s.putCall(completion, &chat, tool, choice)
	if chat.Stream {
		streamCompletion(writer, completion, chat.StreamOptions.IncludeUsage)
		return
	}
	writeJSON(writer, http.StatusOK, completion)
}

// simplestTool stands for the caller's tool: the simulator refuses schemas that vLLM accepts (an enum without a type).
func simplestTool(name string) map[string]any {
	parameters := map[string]any{
		"type": "object", "properties": map[string]any{"value": map[string]any{"type": "string"}}, "required": []string{"value"},
	}
	return map[string]any{"type": "function", "function": map[string]any{"name": name, "parameters": parameters}}
}

// choice is the effective tool_choice: none, auto, required, or named with the function's name.
func (c *chatRequest) choice() (choice, named string) {
	if len(c.Tools) == 0 {
		return "none", ""
	}
	switch value := c.ToolChoice.(type) {
	case nil:
		return "auto", ""
	case string:
		return value, ""
	case map[string]any:
		function, _ := value["function"].(map[string]any)
		named, _ = function["name"].(string)
		return "named", named
	}
	return "auto", ""
}

// pickTool is the index of the tool to call: the named one, else the one whose name the user's words are nearest to.
func (c *chatRequest) pickTool(named string) int {
	best, most := 0, 0
	asked := words(c.lastUserText())
	for index, tool := range c.Tools {
		if named != "" && tool.Function.Name == named {
			return index
		}
		found := 0
		for _, word := range words(strings.ReplaceAll(tool.Function.Name, "_", " ")) {
			if slices.Contains(asked, word) {
				found++
			}
		}
		if found > most {
			best, most = index, found
		}
	}
	if named != "" {
		return -1
	}
	return best
}

func (c *chatRequest) lastUserText() string {
	for _, message := range slices.Backward(c.Messages) {
		if message.Role != "user" {
			continue
		}
		switch content := message.Content.(type) {
		case string:
			return content
		case []any:
			var texts []string
			for _, part := range content {
				if fields, ok := part.(map[string]any); ok {
					text, _ := fields["text"].(string)
					texts = append(texts, text)
				}
			}
			return strings.Join(texts, " ")
		}
	}
	return ""
}

// putCall makes the simulator's completion one call of the tool, with arguments that fit its schema and the question.
func (s *Server) putCall(completion map[string]any, chat *chatRequest, tool int, choice string) {
	function := chat.Tools[tool].Function
	encoded, _ := json.Marshal(argument("", function.Parameters, chat.lastUserText()))
	name, arguments := function.Name, string(encoded)
	message := map[string]any{"role": "assistant", "content": nil}
	reason := "tool_calls"
	if choice == "named" {
		reason = "stop" // as vLLM reports it
	}
	switch {
	case s.faults.has("tool-markup"):
		message["content"] = fmt.Sprintf("<tool_call>\n{\"name\": %q, \"arguments\": %s}\n</tool_call>", name, arguments)
		reason = "stop"
	case s.faults.has("bad-arguments"):
		arguments = strings.TrimSuffix(arguments, "}")
	case s.faults.has("wrong-tool"):
		name = "no_such_tool"
	}
	if message["content"] == nil {
		message["tool_calls"] = []any{map[string]any{
			"id": newID("chatcmpl-tool-"), "type": "function", "function": map[string]any{"name": name, "arguments": arguments},
		}}
	}
	completion["choices"] = []any{map[string]any{
		"index": 0, "message": message, "finish_reason": reason, "logprobs": nil, "stop_reason": nil,
	}}
}

var place = regexp.MustCompile(`(?:\bin|\bfor|\bat|\bof) ((?:[A-Z][\p{L}'.-]*,? ?)+)`)

// argument makes a value for a JSON schema: what the schema names first, else something fitting the property's name.
func argument(name string, schema map[string]any, question string) any {
	for _, key := range []string{"const", "default"} {
		if value, given := schema[key]; given {
			return value
		}
	}
	for _, key := range []string{"enum", "examples"} {
		if values, ok := schema[key].([]any); ok && len(values) > 0 {
			return values[0]
		}
	}
	for _, key := range []string{"anyOf", "oneOf", "allOf"} {
		if options, ok := schema[key].([]any); ok && len(options) > 0 {
			if option, ok := options[0].(map[string]any); ok {
				return argument(name, option, question)
			}
		}
	}
	kind, _ := schema["type"].(string)
	if kinds, ok := schema["type"].([]any); ok && len(kinds) > 0 {
		kind, _ = kinds[0].(string)
	}
	properties, _ := schema["properties"].(map[string]any)
	switch {
	case kind == "object" || kind == "" && name == "":
		document := map[string]any{}
		required, _ := schema["required"].([]any)
		for property, inner := range properties {
			if fields, ok := inner.(map[string]any); ok && (len(required) == 0 || slices.Contains(required, any(property))) {
				document[property] = argument(property, fields, question)
			}
		}
		return document
	case kind == "array":
		items, _ := schema["items"].(map[string]any)
		return []any{argument(name, items, question)}
	case kind == "integer", kind == "number":
		if minimum, given := schema["minimum"]; given {
			return minimum
		}
		return 1
	case kind == "boolean":
		return true
	case kind == "null":
		return nil
	}
	lower := strings.ToLower(name)
	switch {
	case strings.Contains(lower, "location"), strings.Contains(lower, "city"), strings.Contains(lower, "place"):
		if found := place.FindStringSubmatch(question); found != nil {
			return strings.TrimRight(found[1], " ,.?!")
		}
		return "San Francisco"
	case strings.Contains(lower, "date"):
		return "2026-01-01"
	case question != "":
		return question
	}
	return "example"
}

// ask sends a request to the simulator and reads the whole answer.
func (s *Server) ask(request *http.Request, document map[string]any) ([]byte, int, error) {
	encoded, err := json.Marshal(document)
	if err != nil {
		return nil, http.StatusBadGateway, err
	}
	inner, err := http.NewRequestWithContext(request.Context(), http.MethodPost, s.simulatorURL+"/v1/chat/completions", bytes.NewReader(encoded))
	if err != nil {
		return nil, http.StatusBadGateway, err
	}
	inner.Header.Set("Content-Type", "application/json")
	answer, err := http.DefaultClient.Do(inner)
	if err != nil {
		return nil, http.StatusBadGateway, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	return body, answer.StatusCode, err
}

// streamCompletion sends a whole completion as server-sent events, in the steps in which vLLM does.
func streamCompletion(writer http.ResponseWriter, completion map[string]any, includeUsage bool) {
	writer.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	flusher, _ := writer.(http.Flusher)
	send := func(choices []any, usage any) {
		chunk := map[string]any{
			"id": completion["id"], "object": "chat.completion.chunk", "created": completion["created"],
			"model": completion["model"], "choices": choices,
		}
		if usage != nil {
			chunk["usage"] = usage
		}
		encoded, _ := json.Marshal(chunk)
		fmt.Fprintf(writer, "data: %s\n\n", encoded)
		if flusher != nil {
			flusher.Flush()
		}
	}
	delta := func(fields map[string]any, reason any) []any {
		return []any{map[string]any{"index": 0, "delta": fields, "logprobs": nil, "finish_reason": reason}}
	}
	choice := completion["choices"].([]any)[0].(map[string]any)
	message := choice["message"].(map[string]any)
	send(delta(map[string]any{"role": "assistant", "content": ""}, nil), nil)
	if text, ok := message["content"].(string); ok {
		send(delta(map[string]any{"content": text}, nil), nil)
	}
	calls, _ := message["tool_calls"].([]any)
	for index, call := range calls {
		fields := call.(map[string]any)
		function := fields["function"].(map[string]any)
		part := func(function map[string]any, more map[string]any) {
			entry := map[string]any{"index": index, "function": function}
			for key, value := range more {
				entry[key] = value
			}
			send(delta(map[string]any{"tool_calls": []any{entry}}, nil), nil)
		}
		part(map[string]any{"name": function["name"]}, map[string]any{"id": fields["id"], "type": "function"})
		arguments := function["arguments"].(string)
		for len(arguments) > 0 {
			size := min(12, len(arguments))
			for size < len(arguments) && arguments[size]&0xc0 == 0x80 { // not inside a character
				size++
			}
			part(map[string]any{"arguments": arguments[:size]}, nil)
			arguments = arguments[size:]
		}
	}
	send(delta(map[string]any{}, choice["finish_reason"]), nil)
	if includeUsage {
		send([]any{}, completion["usage"])
	}
	fmt.Fprint(writer, "data: [DONE]\n\n")
}
