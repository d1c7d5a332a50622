package main

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Server is the HTTP side: vLLM's routes, its authentication, the simulator behind a reverse proxy.
type Server struct {
	arguments    *Arguments
	faults       Faults
	keys         [][32]byte
	kind         kind
	simulatorURL string
	proxy        *httputil.ReverseProxy
}

// kind is what vLLM serves for a model: it mounts only the routes of the tasks that the model supports.
type kind string

const (
	generate   kind = "generate"
	pooling    kind = "pooling"
	transcribe kind = "transcription"
)

var (
	embeddingModel     = regexp.MustCompile(`(?i)embed|\bbge-|/bge-|\be5-|gte-|minilm|mpnet|arctic-embed`)
	transcriptionModel = regexp.MustCompile(`(?i)whisper|qwen3-asr|voxtral|parakeet`)
)

// modelKind follows --runner and --convert, else the model's name, as vLLM follows the model's architecture.
func modelKind(arguments *Arguments) kind {
	switch {
	case arguments.text("runner") == "pooling", arguments.text("convert") == "embed":
		return pooling
	case arguments.text("runner") == "generate":
		return generate
	case transcriptionModel.MatchString(arguments.Model):
		return transcribe
	case embeddingModel.MatchString(arguments.Model):
		return pooling
	}
	return generate
}

func newServer(arguments *Arguments, faults Faults, simulatorURL string) (*Server, error) {
	target, err := url.Parse(simulatorURL)
	if err != nil {
		return nil, err
	}
	server := &Server{arguments: arguments, faults: faults, kind: modelKind(arguments), simulatorURL: simulatorURL}
	keys := arguments.values["api-key"]
	if len(keys) == 0 {
		keys = []string{os.Getenv("VLLM_API_KEY")}
	}
	for _, key := range keys {
		if key != "" {
			server.keys = append(server.keys, sha256.Sum256([]byte(key)))
		}
	}
	server.proxy = &httputil.ReverseProxy{
		FlushInterval: -1, // each streamed token goes out at once
		Rewrite: func(request *httputil.ProxyRequest) {
			request.SetURL(target)
			request.Out.Header.Del("Authorization")
		},
		ErrorHandler: func(writer http.ResponseWriter, _ *http.Request, err error) {
			refuseRequest(writer, http.StatusInternalServerError, "InternalServerError", "EngineCore: "+err.Error(), "")
		},
		ErrorLog: log.New(io.Discard, "", 0),
	}
	return server, nil
}

// guarded are the path prefixes that vLLM's API key protects; everything else is open, /invocations too.
var guarded = []string{"/v1", "/v2", "/inference", "/cohere"}

func (s *Server) ServeHTTP(writer http.ResponseWriter, request *http.Request) {
	path := request.URL.Path
	protected := slices.ContainsFunc(guarded, func(prefix string) bool { return strings.HasPrefix(path, prefix) })
	if len(s.keys) > 0 && protected && request.Method != http.MethodOptions && !s.authorised(request) {
		writeJSON(writer, http.StatusUnauthorized, map[string]string{"error": "Unauthorized"})
		return
	}
	handler := s.route(path)
	if handler == nil {
		writeJSON(writer, http.StatusNotFound, map[string]string{"detail": "Not Found"})
		return
	}
	if handler.method != request.Method && !(handler.method == "GET" && request.Method == http.MethodHead) {
		writer.Header().Set("Allow", handler.method)
		writeJSON(writer, http.StatusMethodNotAllowed, map[string]string{"detail": "Method Not Allowed"})
		return
	}
	handler.serve(writer, request)
}

func (s *Server) authorised(request *http.Request) bool {
	scheme, token, _ := strings.Cut(request.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "bearer") {
		return false
	}
	sum, match := sha256.Sum256([]byte(token)), 0
	for _, key := range s.keys {
		match |= subtle.ConstantTimeCompare(sum[:], key[:])
	}
	return match == 1
}

type route struct {
	method string
	serve  http.HandlerFunc
}

// route finds the handler of a path, nil when this model has no such route.
func (s *Server) route(path string) *route {
	switch path {
	case "/health":
		return &route{"GET", s.health}
	case "/ping":
		return &route{"GET", s.health}
	case "/version":
		return &route{"GET", func(writer http.ResponseWriter, _ *http.Request) {
			writeJSON(writer, http.StatusOK, map[string]string{"version": s.arguments.table.Release})
		}}
	case "/load":
		return &route{"GET", func(writer http.ResponseWriter, _ *http.Request) {
			writeJSON(writer, http.StatusOK, map[string]int{"server_load": 0})
		}}
	case "/metrics":
		return &route{"GET", s.proxy.ServeHTTP}
	case "/docs", "/openapi.json":
		if s.arguments.boolean("disable-fastapi-docs") {
			return nil
		}
		return &route{"GET", func(writer http.ResponseWriter, _ *http.Request) {
			writeJSON(writer, http.StatusOK, map[string]any{"openapi": "3.1.0", "info": map[string]string{"title": "vLLM (simulated)"}})
		}}
	case "/v1/models":
		return &route{"GET", s.models}
	case "/tokenize":
		return &route{"POST", s.proxy.ServeHTTP}
	case "/invocations":
		return &route{"POST", s.invocations}
	}
	switch {
	case s.kind == generate && slices.Contains([]string{"/v1/chat/completions", "/v1/completions", "/v1/responses", "/v1/messages"}, path),
		s.kind == generate && path == "/inference/v1/generate" && s.arguments.boolean("enable-scale-out"),
		s.kind == pooling && path == "/v1/embeddings":
		return &route{"POST", func(writer http.ResponseWriter, request *http.Request) { s.infer(writer, request, path) }}
	case s.kind == transcribe && path == "/v1/audio/transcriptions":
		return &route{"POST", func(writer http.ResponseWriter, request *http.Request) {
			if s.misbehave(writer, request) {
				return
			}
			s.transcription(writer, request)
		}}
	}
	return nil
}

// invocations is SageMaker's route: any inference request, told apart by its body, and open without a key.
func (s *Server) invocations(writer http.ResponseWriter, request *http.Request) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	fields := map[string]json.RawMessage{}
	_ = json.Unmarshal(body, &fields)
	switch {
	case s.kind == pooling:
		s.infer(writer, request, "/v1/embeddings")
	case s.kind == generate && fields["messages"] != nil:
		s.infer(writer, request, "/v1/chat/completions")
	case s.kind == generate && fields["prompt"] != nil:
		s.infer(writer, request, "/v1/completions")
	default:
		refuseRequest(writer, http.StatusUnsupportedMediaType, "BadRequestError", "Cannot find suitable handler for request.", "")
	}
}

// infer answers the JSON inference routes.
func (s *Server) infer(writer http.ResponseWriter, request *http.Request, path string) {
	body, err := io.ReadAll(http.MaxBytesReader(writer, request.Body, 64<<20))
	if err != nil {
		refuseRequest(writer, http.StatusRequestEntityTooLarge, "BadRequestError", "request body: "+err.Error(), "")
		return
	}
	if s.misbehave(writer, request) {
		return
	}
	var named struct {
		Model string `json:"model"`
	}
	if err := json.Unmarshal(body, &named); err != nil {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", "request body is not JSON: "+err.Error(), "")
		return
	}
	if named.Model != "" && !s.serves(named.Model) {
		s.unknownModel(writer, named.Model)
		return
	}
	if named.Model == "" {
		body = withModel(body, s.servedNames()[0])
	}
	switch path {
	case "/v1/embeddings":
		s.embeddings(writer, body)
	case "/v1/chat/completions":
		s.chat(writer, request, body)
	default:
		request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		request.URL.Path = path
		s.proxy.ServeHTTP(writer, request)
	}
}

func withModel(body []byte, model string) []byte {
	document := map[string]any{}
	if json.Unmarshal(body, &document) != nil {
		return body
	}
	document["model"] = model
	encoded, _ := json.Marshal(document)
	return encoded
}

// pass sends a chat request on to the simulator, streaming if asked.
func (s *Server) pass(writer http.ResponseWriter, request *http.Request, document map[string]any) {
	encoded, _ := json.Marshal(document)
	request.Body, request.ContentLength = io.NopCloser(bytes.NewReader(encoded)), int64(len(encoded))
	request.Header.Set("Content-Length", strconv.Itoa(len(encoded)))
	request.URL.Path = "/v1/chat/completions"
	s.proxy.ServeHTTP(writer, request)
}

func (s *Server) relay(writer http.ResponseWriter, status int, body []byte, err error) {
	if err != nil {
		refuseRequest(writer, http.StatusInternalServerError, "InternalServerError", "EngineCore: "+err.Error(), "")
		return
	}
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	_, _ = writer.Write(body)
}

// misbehave does what SHIM_FAULT asks for before any answer; true when it has answered.
func (s *Server) misbehave(writer http.ResponseWriter, request *http.Request) bool {
	wait := func(delay time.Duration) {
		select {
		case <-request.Context().Done():
		case <-time.After(delay):
		}
	}
	switch {
	case s.faults.has("crash-on-request"):
		fmt.Fprintln(os.Stderr, "vllm-shim: SHIM_FAULT=crash-on-request")
		os.Exit(1)
	case s.faults.has("hang"):
		wait(24 * time.Hour)
		return true
	case s.faults.has("http-500"):
		refuseRequest(writer, http.StatusInternalServerError, "InternalServerError", "EngineCore encountered an issue (SHIM_FAULT).", "")
		return true
	case s.faults.has("slow"):
		wait(s.faults.delay)
	}
	return false
}

func (s *Server) health(writer http.ResponseWriter, _ *http.Request) {
	if s.faults.has("unhealthy") {
		writer.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answer, err := http.Get(s.simulatorURL + "/health")
	if err != nil || answer.StatusCode != http.StatusOK {
		writer.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	answer.Body.Close()
}

// servedNames are --served-model-name, else the model itself.
func (s *Server) servedNames() []string {
	names := s.arguments.values["served-model-name"]
	if len(names) == 0 {
		names = []string{s.arguments.Model}
	}
	if s.faults.has("wrong-name") {
		return []string{names[0] + "-other"}
	}
	return names
}

func (s *Server) serves(name string) bool { return slices.Contains(s.servedNames(), name) }

func (s *Server) unknownModel(writer http.ResponseWriter, name string) {
	refuseRequest(writer, http.StatusNotFound, "NotFoundError", fmt.Sprintf("The model `%s` does not exist.", name), "model")
}

func (s *Server) models(writer http.ResponseWriter, _ *http.Request) {
	data := []any{}
	for _, name := range s.servedNames() {
		data = append(data, map[string]any{
			"id": name, "object": "model", "created": now(), "owned_by": "vllm", "root": s.arguments.Model, "parent": nil,
			"max_model_len": contextLength(s.arguments), "permission": []any{},
		})
	}
	writeJSON(writer, http.StatusOK, map[string]any{"object": "list", "data": data})
}

// refuseRequest writes an error in vLLM's form.
func refuseRequest(writer http.ResponseWriter, status int, kind, message, parameter string) {
	var param any
	if parameter != "" {
		param = parameter
	}
	writeJSON(writer, status, map[string]any{
		"error": map[string]any{"message": message, "type": kind, "param": param, "code": status},
	})
}

func writeJSON(writer http.ResponseWriter, status int, value any) {
	writer.Header().Set("Content-Type", "application/json")
	writer.WriteHeader(status)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(value)
}

func now() int64 { return time.Now().Unix() }

func newID(prefix string) string {
	random := make([]byte, 16)
	_, _ = rand.Read(random)
	return prefix + hex.EncodeToString(random)
}
