package main

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math"
	"net/http"
	"regexp"
	"strings"
	"unicode"
)

// knownDimensions are output sizes of models that people deploy; others get 1024.
var knownDimensions = []struct {
	pattern    *regexp.Regexp
	dimensions int
}{
	{regexp.MustCompile(`(?i)qwen3-embedding-4b`), 2560},
	{regexp.MustCompile(`(?i)qwen3-embedding-8b`), 4096},
	{regexp.MustCompile(`(?i)minilm|bge-small`), 384},
	{regexp.MustCompile(`(?i)bge-base|e5-base|gte-base|nomic-embed|mpnet`), 768},
}

var matryoshka = regexp.MustCompile(`(?i)qwen3-embedding|nomic-embed|jina-embeddings-v3|arctic-embed`)

func embeddingDimensions(model string) int {
	for _, known := range knownDimensions {
		if known.pattern.MatchString(model) {
			return known.dimensions
		}
	}
	return 1024
}

type embeddingRequest struct {
	Model          string          `json:"model"`
	Input          json.RawMessage `json:"input"`
	EncodingFormat string          `json:"encoding_format"`
	Dimensions     *int            `json:"dimensions"`
}

func (s *Server) embeddings(writer http.ResponseWriter, body []byte) {
	var request embeddingRequest
	if err := json.Unmarshal(body, &request); err != nil {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", "request body is not JSON: "+err.Error(), "")
		return
	}
	texts, err := inputTexts(request.Input)
	if err != nil {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", err.Error(), "input")
		return
	}
	dimensions := embeddingDimensions(s.arguments.Model)
	if request.Dimensions != nil {
		if !matryoshka.MatchString(s.arguments.Model) {
			refuseRequest(writer, http.StatusBadRequest, "BadRequestError", fmt.Sprintf(
				"Model %s does not support Matryoshka embeddings; dimensions must be unset (received dimensions=%d).",
				quote(s.servedNames()[0]), *request.Dimensions), "dimensions")
			return
		}
		if *request.Dimensions < 1 || *request.Dimensions > dimensions {
			refuseRequest(writer, http.StatusBadRequest, "BadRequestError", fmt.Sprintf(
				"dimensions must be in range [1, %d], got %d.", dimensions, *request.Dimensions), "dimensions")
			return
		}
		dimensions = *request.Dimensions
	}
	data := make([]any, len(texts))
	tokens := 0
	for index, text := range texts {
		vector := embed(text, dimensions)
		tokens += len(words(text)) + 2
		var shown any = vector
		if s.faults.has("nan-embedding") {
			shown = make([]*float64, dimensions) // JSON has no NaN: nulls, as serialisers write it
		} else if request.EncodingFormat == "base64" {
			shown = base64Vector(vector)
		}
		data[index] = map[string]any{"object": "embedding", "index": index, "embedding": shown}
	}
	writeJSON(writer, http.StatusOK, map[string]any{
		"id": newID("embd-"), "object": "list", "created": now(), "model": request.Model, "data": data,
		"usage": map[string]any{"prompt_tokens": tokens, "total_tokens": tokens, "completion_tokens": 0},
	})
}

// inputTexts reads the four forms of `input`: a text, texts, token ids, lists of token ids.
func inputTexts(input json.RawMessage) ([]string, error) {
	var text string
	if json.Unmarshal(input, &text) == nil && len(input) > 0 && string(input) != "null" {
		return []string{text}, nil
	}
	var texts []string
	if json.Unmarshal(input, &texts) == nil && len(texts) > 0 {
		return texts, nil
	}
	var tokens []int
	if json.Unmarshal(input, &tokens) == nil && len(tokens) > 0 {
		return []string{strings.Trim(fmt.Sprint(tokens), "[]")}, nil
	}
	var lists [][]int
	if json.Unmarshal(input, &lists) == nil && len(lists) > 0 {
		for _, list := range lists {
			texts = append(texts, strings.Trim(fmt.Sprint(list), "[]"))
		}
		return texts, nil
	}
	return nil, fmt.Errorf("input must be a text, a list of texts, or token ids, and not empty")
}

// embed hashes words, word stems and character trigrams into a unit vector: equal texts are equal, texts with words
// in common lie closer than texts without.
func embed(text string, dimensions int) []float64 {
	vector := make([]float64, dimensions)
	add := func(feature string, weight float64) {
		hash := fnv.New64a()
		hash.Write([]byte(feature))
		sum := mix(hash.Sum64())
		if sum>>63 == 1 {
			weight = -weight
		}
		vector[sum%uint64(dimensions)] += weight
	}
	for _, word := range words(text) {
		add("word "+word, 1)
		padded := []rune("^" + word + "$")
		for start := 0; start+3 <= len(padded); start++ {
			add("trigram "+string(padded[start:start+3]), 0.4)
		}
	}
	add("bias", 0.1) // an empty text has a direction too
	norm := 0.0
	for _, value := range vector {
		norm += value * value
	}
	for index := range vector {
		vector[index] /= math.Sqrt(norm)
	}
	return vector
}

// mix spreads the bits of a hash (the finaliser of MurmurHash3).
func mix(sum uint64) uint64 {
	sum = (sum ^ sum>>33) * 0xff51afd7ed558ccd
	sum = (sum ^ sum>>33) * 0xc4ceb9fe1a85ec53
	return sum ^ sum>>33
}

func words(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

func base64Vector(vector []float64) string {
	packed := make([]byte, 0, 4*len(vector))
	for _, value := range vector {
		packed = binary.LittleEndian.AppendUint32(packed, math.Float32bits(float32(value)))
	}
	return base64.StdEncoding.EncodeToString(packed)
}
