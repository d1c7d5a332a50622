//go:build headers

// Package headers keeps malgo in go.mod: its module archive carries miniaudio.h, which Ollama's C++ part includes and
// which Ollama's own module archive lacks.
package headers

import _ "github.com/gen2brain/malgo"
