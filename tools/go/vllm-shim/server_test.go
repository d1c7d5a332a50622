package main

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// server is the HTTP side for a command line; what needs the simulator is tested with the real one (tests/e2e).
func server(t *testing.T, argv ...string) *Server {
	t.Helper()
	arguments, err := parseArguments(releaseTable(t), argv)
	if err != nil {
		t.Fatal(err)
	}
	made, err := newServer(arguments, Faults{}, "http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func send(s *Server, request *http.Request) (int, string) {
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, request)
	return recorder.Code, strings.TrimSpace(recorder.Body.String())
}

func post(path, body string) *http.Request {
	return httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
}

func TestKeyGuardsOnlyThePathsThatVllmGuards(t *testing.T) {
	s := server(t, "m", "--api-key", "first", "second")
	for path, want := range map[string]int{"/v1/models": 401, "/v1/nowhere": 401, "/inference/x": 401, "/version": 200, "/ping": 503} {
		if got, body := send(s, httptest.NewRequest(http.MethodGet, path, nil)); got != want {
			t.Errorf("%s without key: %d %s, want %d", path, got, body, want)
		}
	}
	for header, want := range map[string]int{"Bearer first": 200, "bearer second": 200, "Bearer third": 401, "first": 401, "Basic first": 401} {
		request := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
		request.Header.Set("Authorization", header)
		got, body := send(s, request)
		if got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
		if got == 401 && body != `{"error":"Unauthorized"}` {
			t.Errorf("body of the refusal: %s", body)
		}
	}
}

func TestKeyFromTheEnvironmentIsUsedWithoutTheOption(t *testing.T) {
	t.Setenv("VLLM_API_KEY", "from-secret")
	s := server(t, "m")
	request := httptest.NewRequest(http.MethodGet, "/v1/models", nil)
	if got, _ := send(s, request); got != 401 {
		t.Errorf("without key: %d", got)
	}
	request.Header.Set("Authorization", "Bearer from-secret")
	if got, _ := send(s, request); got != 200 {
		t.Errorf("with key: %d", got)
	}
}

func TestModelsListsServedNamesAndContext(t *testing.T) {
	_, body := send(server(t, "org/m", "--served-model-name", "a", "b", "--max-model-len", "128k"), httptest.NewRequest("GET", "/v1/models", nil))
	var list struct {
		Data []struct {
			ID, Root    string
			MaxModelLen int `json:"max_model_len"`
		}
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || len(list.Data) != 2 || list.Data[1].ID != "b" ||
		list.Data[0].Root != "org/m" || list.Data[0].MaxModelLen != 128000 {
		t.Errorf("%v %s", err, body)
	}
}

func TestEachKindOfModelHasOnlyItsRoutes(t *testing.T) {
	for model, mine := range map[string]string{
		"BAAI/bge-m3": "/v1/embeddings", "openai/whisper-large-v3": "/v1/audio/transcriptions", "Qwen/Qwen3-0.6B": "/v1/chat/completions",
	} {
		s := server(t, model)
		for _, path := range []string{"/v1/embeddings", "/v1/audio/transcriptions", "/v1/chat/completions"} {
			if known := s.route(path) != nil; known != (path == mine) {
				t.Errorf("%s %s: known %v", model, path, known)
			}
		}
	}
	if server(t, "any/name", "--runner", "pooling").route("/v1/embeddings") == nil {
		t.Error("--runner pooling must serve embeddings")
	}
	if server(t, "m").route("/admin/config") != nil || server(t, "m").route("/fake_metrics") != nil {
		t.Error("routes of the simulator that vLLM does not have must not be reachable")
	}
	if server(t, "m", "--disable-fastapi-docs").route("/docs") != nil {
		t.Error("--disable-fastapi-docs must take /docs away")
	}
}

func TestAutoToolChoiceNeedsTheStartArguments(t *testing.T) {
	tools := `"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f","parameters":{}}}]`
	for body, want := range map[string]string{
		`{"model":"m",` + tools + `}`:                          `"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`,
		`{"model":"m",` + tools + `,"tool_choice":"auto"}`:     `"auto" tool choice requires --enable-auto-tool-choice and --tool-call-parser to be set`,
		`{"model":"m",` + tools + `,"tool_choice":"required"}`: `tool_choice="required" requires --tool-call-parser to be set`,
	} {
		code, answer := send(server(t, "m"), post("/v1/chat/completions", body))
		var parsed struct{ Error struct{ Message string } }
		_ = json.Unmarshal([]byte(answer), &parsed)
		if code != 400 || parsed.Error.Message != want {
			t.Errorf("%d %s", code, answer)
		}
	}
}

func vectors(t *testing.T, body string) [][]float64 {
	t.Helper()
	code, answer := send(server(t, "BAAI/bge-m3", "--served-model-name", "e"), post("/v1/embeddings", body))
	var parsed struct {
		Data []struct{ Embedding []float64 }
	}
	if err := json.Unmarshal([]byte(answer), &parsed); err != nil || code != 200 {
		t.Fatalf("%d %s", code, answer)
	}
	var found [][]float64
	for _, item := range parsed.Data {
		found = append(found, item.Embedding)
	}
	return found
}

func TestEmbeddingsAreDeterministicUnitVectorsAndSimilarTextsAreCloser(t *testing.T) {
	body := `{"model":"e","input":["The cat sat on the mat.","A cat is sitting on a mat","Quarterly revenue grew by nine percent",""]}`
	found, again := vectors(t, body), vectors(t, body)
	if len(found) != 4 || len(found[0]) != 1024 {
		t.Fatalf("%d vectors of %d", len(found), len(found[0]))
	}
	dot := func(a, b []float64) (sum float64) {
		for index := range a {
			sum += a[index] * b[index]
		}
		return sum
	}
	for index := range found {
		if math.Abs(dot(found[index], found[index])-1) > 1e-6 || dot(found[index], again[index]) < 0.999999 {
			t.Errorf("vector %d is not a repeatable unit vector", index)
		}
	}
	if near, far := dot(found[0], found[1]), dot(found[0], found[2]); near < far+0.2 {
		t.Errorf("similar texts %.2f, different texts %.2f", near, far)
	}
}

func TestEmbeddingRequestsAreChecked(t *testing.T) {
	for body, want := range map[string]int{
		`{"model":"e","input":[]}`:                  400,
		`{"model":"e"}`:                             400,
		`{"model":"other","input":"x"}`:             404,
		`{"model":"e","input":"x","dimensions":64}`: 400,
		`{"model":"e","input":[1,2,3]}`:             200,
		`{"model":"e","input":[[1,2],[3]]}`:         200,
		`{"input":"x","encoding_format":"base64"}`:  200,
		`{"model":"e","input":"x"`:                  400,
	} {
		if code, answer := send(server(t, "BAAI/bge-m3", "--served-model-name", "e"), post("/v1/embeddings", body)); code != want {
			t.Errorf("%s: %d %s", body, code, answer)
		}
	}
}

func wav(seconds float64) []byte {
	samples := make([]byte, int(seconds*8000)*2)
	header := bytes.NewBufferString("RIFF")
	_ = binary.Write(header, binary.LittleEndian, uint32(36+len(samples)))
	header.WriteString("WAVEfmt ")
	for _, field := range []any{uint32(16), uint16(1), uint16(1), uint32(8000), uint32(16000), uint16(2), uint16(16)} {
		_ = binary.Write(header, binary.LittleEndian, field)
	}
	header.WriteString("data")
	_ = binary.Write(header, binary.LittleEndian, uint32(len(samples)))
	return append(header.Bytes(), samples...)
}

func upload(t *testing.T, audio []byte, fields map[string]string) *http.Request {
	t.Helper()
	body := &bytes.Buffer{}
	form := multipart.NewWriter(body)
	for name, value := range fields {
		_ = form.WriteField(name, value)
	}
	if audio != nil {
		part, _ := form.CreateFormFile("file", "clip.wav")
		_, _ = part.Write(audio)
	}
	form.Close()
	request := httptest.NewRequest("POST", "/v1/audio/transcriptions", body)
	request.Header.Set("Content-Type", form.FormDataContentType())
	return request
}

func TestTranscriptionMeasuresTheClipInEachFormat(t *testing.T) {
	s := server(t, "openai/whisper-large-v3", "--served-model-name", "w")
	for format, want := range map[string]string{
		"": `"seconds":2`, "json": `"type":"duration"`, "text": `"text":"Simulated transcription of 1.5 seconds`, "verbose_json": `"duration":1.5`,
	} {
		code, body := send(s, upload(t, wav(1.5), map[string]string{"model": "w", "response_format": format}))
		if code != 200 || !strings.Contains(body, want) {
			t.Errorf("%q: %d %s", format, code, body)
		}
	}
	for name, check := range map[string]struct {
		request *http.Request
		want    int
	}{
		"other model":    {upload(t, wav(1), map[string]string{"model": "x"}), 404},
		"not audio":      {upload(t, []byte("hello, this is a text file and no audio at all, really not"), map[string]string{"model": "w"}), 400},
		"no file":        {upload(t, nil, map[string]string{"model": "w"}), 422},
		"unknown format": {upload(t, wav(1), map[string]string{"model": "w", "response_format": "srt"}), 400},
	} {
		if code, body := send(s, check.request); code != check.want {
			t.Errorf("%s: %d %s", name, code, body)
		}
	}
	voxtral := server(t, "mistralai/Voxtral-Mini-3B", "--served-model-name", "w")
	if code, _ := send(voxtral, upload(t, wav(1), map[string]string{"model": "w", "response_format": "verbose_json"})); code != 400 {
		t.Errorf("verbose_json without segment timestamps: %d", code)
	}
}

func TestArgumentsFitSchemaAndQuestion(t *testing.T) {
	schema := map[string]any{}
	_ = json.Unmarshal([]byte(`{"type":"object","required":["location","unit","days","tags","deep"],"properties":{
		"location":{"type":"string"},"unit":{"enum":["celsius","fahrenheit"]},"days":{"type":"integer","minimum":3},
		"tags":{"type":"array","items":{"type":"boolean"}},"optional":{"type":"string"},
		"deep":{"type":"object","properties":{"n":{"type":["number","null"]}}}}}`), &schema)
	for question, place := range map[string]string{
		"What is the weather in New York, please?": "New York", "Weather for SF?": "SF", "how warm is it": "San Francisco",
	} {
		encoded, _ := json.Marshal(argument("", schema, question))
		want := `{"days":3,"deep":{"n":1},"location":"` + place + `","tags":[true],"unit":"celsius"}`
		if string(encoded) != want {
			t.Errorf("got  %s\nwant %s", encoded, want)
		}
	}
}

func TestVllmPortOfAServiceLinkStopsTheStart(t *testing.T) {
	t.Setenv("VLLM_PORT", "tcp://10.96.0.7:8000")
	if text := vllmPortProblem(); !strings.Contains(text, "appears to be a URI") {
		t.Errorf("got %q", text)
	}
	t.Setenv("VLLM_PORT", "8000")
	if text := vllmPortProblem(); text != "" {
		t.Errorf("got %q", text)
	}
}

func TestUnknownFaultIsRefused(t *testing.T) {
	t.Setenv("SHIM_FAULT", "no-tool-call,oops")
	if _, err := faultsFromEnvironment(); err == nil || !strings.Contains(err.Error(), "allowed are") {
		t.Errorf("got %v", err)
	}
}
