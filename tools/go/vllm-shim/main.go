// Command vllm-shim is the entry point of the image vllm-simulator: a stand-in for `vllm serve` of one pinned
// release. It refuses what that release's argument parser refuses, in its words, and serves vLLM's HTTP routes with
// answers from llm-d-inference-sim. It is not vLLM and loads no model.
//
// Arguments are those of `vllm serve` (model first). Environment, for tests only: SHIM_STARTUP_SECONDS, SHIM_FAULT
// (faults.go), SHIM_DELAY_SECONDS; SHIM_FLAGS names another
// release's flag table, SHIM_SIMULATOR the simulator if it does not lie beside this binary.
package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

func main() {
	os.Exit(run(os.Args))
}

func run(command []string) int {
	argv := command[1:]
	if filepath.Base(command[0]) == "vllm" { // started as `vllm serve MODEL …`
		if len(argv) == 0 || argv[0] != "serve" {
			return fail(2, topUsage+"this stand-in knows only the subcommand serve")
		}
		argv = argv[1:]
	}
	table, err := loadTable()
	if err != nil {
		return fail(1, "vllm-shim: flag table: %v", err)
	}
	if text := vllmPortProblem(); text != "" {
		return fail(1, "%s", text)
	}
	arguments, err := parseArguments(table, argv)
	if err != nil {
		var refusal *Refusal
		errors.As(err, &refusal)
		for _, hint := range table.removedHints(argv) {
			fmt.Fprintln(os.Stderr, "vllm-shim:", hint)
		}
		return fail(refusal.Code, "%s", refusal.Text)
	}
	if arguments.given("help") {
		fmt.Printf("usage: vllm serve [model_tag] [options]\n\nStand-in for vLLM %s. Options:\n  %s\n",
			table.Release, strings.Join(slices.Sorted(maps.Keys(table.Flags)), "\n  "))
		return 0
	}
	for name := range arguments.table.Flags {
		if text := arguments.table.Flags[name].Deprecated; text != "" && arguments.given(name) {
			fmt.Fprintf(os.Stderr, "WARNING argument '%s' is deprecated: %s\n", strings.ReplaceAll(name, "-", "_"), text)
		}
	}
	faults, err := faultsFromEnvironment()
	if err != nil {
		return fail(1, "vllm-shim: %v", err)
	}
	if err := serve(arguments, faults); err != nil {
		return fail(1, "vllm-shim: %v", err)
	}
	return 0
}

func fail(code int, format string, parts ...any) int {
	fmt.Fprintf(os.Stderr, format+"\n", parts...)
	return code
}

// vllmPortProblem is vLLM's own check: a Service named `vllm` makes Kubernetes set VLLM_PORT to a URL in every pod
// of the namespace, unless enableServiceLinks is false.
func vllmPortProblem() string {
	port := os.Getenv("VLLM_PORT")
	if port == "" {
		return ""
	}
	if _, err := strconv.Atoi(port); err == nil {
		return ""
	}
	if strings.Contains(port, "://") {
		return fmt.Sprintf("ValueError: VLLM_PORT '%s' appears to be a URI. This may be caused by a Kubernetes service "+
			"discovery issue,check the warning in: https://docs.vllm.ai/en/latest/configuration/env_vars.html", port)
	}
	return fmt.Sprintf("ValueError: VLLM_PORT '%s' must be a valid integer", port)
}

// serve starts the simulator, then listens like vLLM: only when the model is "loaded". On SIGTERM it lets running
// requests finish for --shutdown-timeout seconds (vLLM's default 0 aborts them).
func serve(arguments *Arguments, faults Faults) error {
	stop, cancelStop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancelStop()
	simulatorContext, endSimulator := context.WithCancel(context.Background())
	started := time.Now()
	simulator, err := startSimulator(simulatorContext, arguments)
	if err != nil {
		endSimulator()
		return err
	}
	defer func() {
		endSimulator()
		select {
		case <-simulator.ended:
		case <-time.After(3 * time.Second):
		}
	}()
	server, err := newServer(arguments, faults, simulator.url())
	if err != nil {
		return err
	}
	fmt.Printf("vllm-shim: stand-in for vLLM %s, %s model %s as %s; answers are simulated\n",
		arguments.table.Release, server.kind, arguments.Model, strings.Join(server.servedNames(), ", "))
	if err := simulator.waitReady(stop); err != nil {
		if stop.Err() != nil {
			return nil
		}
		return err
	}
	select {
	case <-stop.Done():
		return nil
	case <-time.After(time.Until(started.Add(seconds("SHIM_STARTUP_SECONDS", 0)))):
	}
	if faults.has("crash") {
		return errors.New("SHIM_FAULT=crash")
	}
	if arguments.boolean("headless") { // a follower of a multi-node group serves no HTTP
		select {
		case <-stop.Done():
		case <-simulator.ended:
		}
		return nil
	}
	return listen(stop, arguments, server, simulator)
}

func listen(stop context.Context, arguments *Arguments, handler http.Handler, simulator *Simulator) error {
	address := net.JoinHostPort(arguments.text("host"), strconv.FormatInt(arguments.number("port", 8000), 10))
	httpServer := &http.Server{Addr: address, Handler: handler, ReadHeaderTimeout: 30 * time.Second}
	failed := make(chan error, 1)
	go func() { failed <- httpServer.ListenAndServe() }()
	fmt.Printf("vllm-shim: serving on %s\n", address)
	select {
	case err := <-failed:
		return err
	case err := <-simulator.ended:
		simulator.ended <- err
		return fmt.Errorf("the simulator ended: %v", err)
	case <-stop.Done():
	}
	drain, cancel := context.WithTimeout(context.Background(), time.Duration(arguments.number("shutdown-timeout", 0))*time.Second)
	defer cancel()
	if err := httpServer.Shutdown(drain); err != nil {
		_ = httpServer.Close()
	}
	return nil
}

// given tells whether an option was on the command line.
func (a *Arguments) given(name string) bool {
	_, isBoolean := a.bools[name]
	_, hasValue := a.values[name]
	return isBoolean || hasValue
}
