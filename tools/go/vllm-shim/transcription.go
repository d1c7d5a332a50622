package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"math"
	"net/http"
	"regexp"
)

const maxAudioBytes = 25 << 20 // VLLM_MAX_AUDIO_CLIP_FILESIZE_MB

// transcription is a minimal POST /v1/audio/transcriptions: it measures the clip and says so.
func (s *Server) transcription(writer http.ResponseWriter, request *http.Request) {
	if err := request.ParseMultipartForm(maxAudioBytes); err != nil {
		refuseRequest(writer, http.StatusUnprocessableEntity, "Unprocessable Entity", "multipart/form-data expected: "+err.Error(), "")
		return
	}
	if name := request.FormValue("model"); name != "" && !s.serves(name) {
		s.unknownModel(writer, name)
		return
	}
	file, _, err := request.FormFile("file")
	if err != nil {
		refuseRequest(writer, http.StatusUnprocessableEntity, "Unprocessable Entity", "field required: file", "file")
		return
	}
	defer file.Close()
	audio, err := io.ReadAll(io.LimitReader(file, maxAudioBytes+1))
	if err != nil || len(audio) > maxAudioBytes {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", "Maximum file size exceeded", "file")
		return
	}
	duration, err := audioSeconds(audio)
	if err != nil {
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError", "Invalid or unsupported audio file.", "file")
		return
	}
	language := request.FormValue("language")
	if language == "" {
		language = "en"
	}
	text := fmt.Sprintf("Simulated transcription of %.1f seconds of audio.", duration)
	if s.faults.has("empty-transcription") {
		text = ""
	}
	switch format := request.FormValue("response_format"); format {
	case "", "json", "text": // vLLM gives both the same form
		usage := map[string]any{"type": "duration", "seconds": int(math.Ceil(duration))}
		writeJSON(writer, http.StatusOK, map[string]any{"text": text, "usage": usage})
	case "verbose_json":
		if !segmentTimestamps.MatchString(s.arguments.Model) {
			refuseRequest(writer, http.StatusBadRequest, "BadRequestError",
				"Currently do not support verbose_json for "+s.servedNames()[0], "")
			return
		}
		segment := map[string]any{
			"id": 0, "seek": 0, "start": 0.0, "end": duration, "text": text, "tokens": []int{}, "temperature": 0.0,
			"avg_logprob": -0.1, "compression_ratio": 1.0, "no_speech_prob": nil,
		}
		writeJSON(writer, http.StatusOK, map[string]any{
			"text": text, "language": language, "duration": duration, "segments": []any{segment}, "words": nil,
		})
	default:
		refuseRequest(writer, http.StatusBadRequest, "BadRequestError",
			"Currently only support response_format: `text`, `json`, `verbose_json` or `diarized_json`", "")
	}
}

// segmentTimestamps: models with segment timestamps, which verbose_json needs.
var segmentTimestamps = regexp.MustCompile(`(?i)whisper`)

// audioSeconds reads a WAV header; of other known formats it takes 16 kB as a second.
func audioSeconds(audio []byte) (float64, error) {
	switch {
	case len(audio) >= 44 && bytes.Equal(audio[:4], []byte("RIFF")) && bytes.Equal(audio[8:12], []byte("WAVE")):
		rate := binary.LittleEndian.Uint32(audio[28:32])
		if rate == 0 {
			return 0, fmt.Errorf("byte rate 0")
		}
		return float64(len(audio)-44) / float64(rate), nil
	case bytes.HasPrefix(audio, []byte("ID3")), bytes.HasPrefix(audio, []byte("OggS")), bytes.HasPrefix(audio, []byte("fLaC")),
		len(audio) > 1 && audio[0] == 0xff && audio[1]&0xe0 == 0xe0, len(audio) > 8 && bytes.Equal(audio[4:8], []byte("ftyp")):
		return float64(len(audio)) / 16000, nil
	}
	return 0, fmt.Errorf("no audio format that is known here")
}
