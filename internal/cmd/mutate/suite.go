package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/tandem-compute/tandem/internal/mutations"
)

// suite builds and runs the tests that hold kernels to the oracle.
type suite struct {
	root, dir string
	limit     time.Duration
	sound     map[string]func() error // the suite as it is, by the arguments of its parts; each runs once
}

// path is the package that tests one of the two paths.
type path struct {
	dir, test string
	flags     []string
}

func pathOf(m *mutations.Mutation) path {
	if m.PTX() {
		return path{"gpu", "TestParity", []string{"-tags", "cuda"}}
	}
	return path{filepath.Join("internal", "parity"), "TestCPU", nil}
}

// newSuite builds the tests of the unchanged tree that the mutations need.
func newSuite(ms []mutations.Mutation, limit time.Duration) (*suite, error) {
	root, err := os.Getwd()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "mutate")
	if err != nil {
		return nil, err
	}
	s := &suite{root: root, dir: dir, limit: limit, sound: map[string]func() error{}}
	built := map[string]string{}
	for i := range ms {
		m := &ms[i]
		p := pathOf(m)
		binary, ok := built[p.dir]
		if !ok {
			binary = filepath.Join(dir, filepath.Base(p.dir)+".test")
			if err := s.build(p, binary, ""); err != nil {
				return nil, errors.Join(err, s.close())
			}
			built[p.dir] = binary
		}
		if key := part(m); s.sound[key] == nil {
			s.sound[key] = sync.OnceValue(func() error { return s.passes(m, binary) })
		}
	}
	return s, nil
}

func (s *suite) close() error { return os.RemoveAll(s.dir) }

// part names the part of the suite that a mutation is given to.
func part(m *mutations.Mutation) string { return fmt.Sprint(m.PTX(), m.Test, " ", m.Op) }

// build compiles a path's tests, with an overlay if there is one.
func (s *suite) build(p path, binary, overlay string) error {
	args := append([]string{"test", "-c", "-ldflags=-s -w", "-o", binary, "-overlay", overlay}, p.flags...)
	cmd := exec.Command("go", append(args, "./"+filepath.ToSlash(p.dir))...)
	cmd.Dir = s.root
	cmd.Env = append(os.Environ(), "CGO_CFLAGS=-I"+filepath.Join(s.root, "internal", "cuda"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(out))
	}
	return nil
}

// passes wants the suite as it is to pass a mutation's part, with at least one case in it.
func (s *suite) passes(m *mutations.Mutation, binary string) error {
	out, err := s.run(m, binary)
	if err != nil {
		return fmt.Errorf("the suite fails without the mutation: %s", firstFailure(out))
	}
	if !strings.Contains(out, "--- PASS: "+pathOf(m).test+"/"+m.Test) {
		return fmt.Errorf("this machine has no %s", m.Test)
	}
	return nil
}

// run runs a mutation's part of the suite in a binary.
func (s *suite) run(m *mutations.Mutation, binary string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	p := pathOf(m)
	cmd := exec.CommandContext(ctx, binary, "-test.v", "-test.failfast", "-test.run", "^"+p.test+"$/^"+m.Test+"$", "-op", m.Op)
	cmd.Dir = filepath.Join(s.root, p.dir)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		err = ctx.Err()
	}
	return string(out), err
}

// test finds out what becomes of a mutation.
func (s *suite) test(m mutations.Mutation) mutations.Result {
	res := mutations.Result{Mutation: m, Outcome: mutations.Broken}
	if err := s.sound[part(&m)](); err != nil {
		res.By = err.Error()
		return res
	}
	binary, err := s.mutant(&m)
	if err != nil {
		res.By = err.Error()
		return res
	}
	defer os.RemoveAll(filepath.Dir(binary))
	out, err := s.run(&m, binary)
	switch {
	case err == nil:
		res.Outcome = mutations.Survived
	case errors.Is(err, context.DeadlineExceeded):
		res.Outcome, res.By = mutations.Hung, firstFailure(out)
	case firstFailure(out) == "":
		res.Outcome, res.By = mutations.Crashed, firstCrash(out)
	default:
		res.Outcome, res.By = mutations.Caught, firstFailure(out)
	}
	return res
}

// mutant builds the suite with a mutation in it.
func (s *suite) mutant(m *mutations.Mutation) (string, error) {
	dir, err := os.MkdirTemp(s.dir, "mutant")
	if err != nil {
		return "", err
	}
	file, err := m.Write(s.root, dir)
	if err != nil {
		return "", err
	}
	text, err := json.Marshal(map[string]map[string]string{"Replace": {filepath.Join(s.root, m.File): file}})
	if err != nil {
		return "", err
	}
	overlay, binary := filepath.Join(dir, "overlay.json"), filepath.Join(dir, "mutant.test")
	if err := os.WriteFile(overlay, text, 0o644); err != nil {
		return "", err
	}
	return binary, s.build(pathOf(m), binary, overlay)
}

// firstFailure is the first case that failed and what was wrong.
func firstFailure(out string) string {
	for line := range strings.Lines(out) {
		if _, text, ok := strings.Cut(line, "_test.go:"); ok && !strings.Contains(text, " cases ran") {
			if _, text, ok = strings.Cut(text, ": "); ok {
				return strings.TrimSpace(text)
			}
		}
	}
	return ""
}

// firstCrash is the line that says how a test ended.
func firstCrash(out string) string {
	for line := range strings.Lines(out) {
		for _, start := range []string{"panic: ", "fatal error: ", "unexpected fault", "SIG"} {
			if strings.HasPrefix(line, start) {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}
