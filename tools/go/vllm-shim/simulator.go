package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"time"
)

// Simulator is the child process llm-d-inference-sim, which makes the text of the answers.
type Simulator struct {
	command *exec.Cmd
	port    int
	ended   chan error
}

// simulatorArguments passes on what the simulator knows. Its queue is kept short because it allocates memory in
// proportion to queue length times context length.
func simulatorArguments(parsed *Arguments, port int) []string {
	arguments := []string{
		"--model", parsed.Model, "--port", strconv.Itoa(port), "--mode", "random", "--force-dummy-tokenizer",
		"--max-num-seqs", "8", "--max-waiting-queue-length", "56", "--max-request-body-size-mb", "64",
		"--max-model-len", strconv.FormatInt(contextLength(parsed), 10),
		"--seed", strconv.FormatInt(parsed.number("seed", 0), 10),
	}
	if names := parsed.values["served-model-name"]; len(names) > 0 {
		arguments = append(append(arguments, "--served-model-name"), names...)
	}
	return arguments
}

// contextLength is what /v1/models reports; without the model's config, "auto" and unset become a common value.
func contextLength(parsed *Arguments) int64 {
	if length := parsed.number("max-model-len", -1); length > 0 {
		return length
	}
	return 32768
}

func startSimulator(ctx context.Context, parsed *Arguments) (*Simulator, error) {
	binary := os.Getenv("SHIM_SIMULATOR")
	if binary == "" {
		var err error
		if binary, err = beside("llm-d-inference-sim"); err != nil {
			return nil, err
		}
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	simulator := &Simulator{
		command: exec.CommandContext(ctx, binary, simulatorArguments(parsed, port)...),
		port:    port,
		ended:   make(chan error, 1),
	}
	simulator.command.Stdout, simulator.command.Stderr = os.Stdout, os.Stderr
	simulator.command.Cancel = func() error { return simulator.command.Process.Signal(os.Interrupt) }
	simulator.command.WaitDelay = 2 * time.Second
	// A shim that is killed takes the simulator along. The kernel watches the thread that started it, so this one stays.
	runtime.LockOSThread()
	simulator.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := simulator.command.Start(); err != nil {
		return nil, fmt.Errorf("the simulator did not start: %w", err)
	}
	go func() { simulator.ended <- simulator.command.Wait() }()
	return simulator, nil
}

// waitReady polls until the simulator answers.
func (s *Simulator) waitReady(ctx context.Context) error {
	for {
		select {
		case err := <-s.ended:
			return fmt.Errorf("the simulator ended while starting: %v", err)
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
		answer, err := http.Get(s.url() + "/health")
		if err == nil {
			answer.Body.Close()
			if answer.StatusCode == http.StatusOK {
				return nil
			}
		}
	}
}

func (s *Simulator) url() string { return fmt.Sprintf("http://127.0.0.1:%d", s.port) }

func freePort() (int, error) {
	listener, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer listener.Close()
	return listener.Addr().(*net.TCPAddr).Port, nil
}
