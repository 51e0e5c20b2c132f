package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/tandem-compute/tandem/internal/mutations"
	"github.com/tandem-compute/tandem/internal/ptx"
)

// suite builds and runs the tests that hold kernels to the oracle. Those of PTX are built once, to read the modules from
// the directory that the environment variable modules names instead of embedding them.
type suite struct {
	root, dir string
	limit     time.Duration
	gpu       string                  // the tests of PTX
	sound     map[string]func() error // the suite as it is, by the arguments of its parts; each runs once
}

const modules = "TANDEM_MUTATED_KERNELS"

// fromDirectory stands in for kernels/embed.go.
const fromDirectory = `package kernels

import (
	"os"
	"path/filepath"
	"strings"
)

func directory() string { return os.Getenv("` + modules + `") }

func read(family string) (string, error) {
	text, err := os.ReadFile(filepath.Join(directory(), "ptx", family+".ptx"))
	return string(text), err
}

func list() []string {
	names, _ := filepath.Glob(filepath.Join(directory(), "ptx", "*.ptx"))
	for i, name := range names {
		names[i] = strings.TrimSuffix(filepath.Base(name), ".ptx")
	}
	return names
}
`

// path is the package whose tests must notice, and the pattern of those that run.
type path struct {
	dir, pattern string
	flags, args  []string // of the build, of the test
}

func pathOf(m *mutations.Mutation) path {
	switch {
	case m.PTX():
		return path{"gpu", "^TestParity$/^" + m.Test + "$", []string{"-tags", "cuda"}, []string{"-op", m.Op}}
	case m.Own():
		return path{filepath.Dir(filepath.FromSlash(m.File)), "^" + m.Test + "$", nil, nil}
	}
	return path{filepath.Join("internal", "parity"), "^TestCPU$/^" + m.Test + "$", nil, []string{"-op", m.Op}}
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
		dir := pathOf(m).dir
		binary, ok := built[dir]
		if !ok {
			if binary, err = s.unchanged(m); err != nil {
				return nil, errors.Join(err, s.close())
			}
			built[dir] = binary
		}
		if key := part(m); s.sound[key] == nil {
			s.sound[key] = sync.OnceValue(func() error { return s.passes(m, binary) })
		}
		if m.PTX() {
			s.gpu = binary
		}
	}
	return s, nil
}

// unchanged builds the tests without a mutation.
func (s *suite) unchanged(m *mutations.Mutation) (string, error) {
	p := pathOf(m)
	binary := filepath.Join(s.dir, filepath.Base(p.dir)+".test")
	if !m.PTX() {
		return binary, s.build(p, binary, "")
	}
	file, to := filepath.Join(s.root, "kernels", "embed.go"), filepath.Join(s.dir, "embed.go")
	if err := os.WriteFile(to, []byte(fromDirectory), 0o644); err != nil {
		return "", err
	}
	overlay, err := overlay(s.dir, file, to)
	if err != nil {
		return "", err
	}
	return binary, s.build(p, binary, overlay)
}

// overlay writes the go command's overlay that has one file in place of another.
func overlay(dir, file, with string) (string, error) {
	text, err := json.Marshal(map[string]map[string]string{"Replace": {file: with}})
	if err != nil {
		return "", err
	}
	to := filepath.Join(dir, "overlay.json")
	return to, os.WriteFile(to, text, 0o644)
}

func (s *suite) close() error { return os.RemoveAll(s.dir) }

// part names the part of the suite that a mutation is given to.
func part(m *mutations.Mutation) string { return pathOf(m).dir + " " + m.Test + " " + m.Op }

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
	files := filepath.Join(s.root, "kernels")
	if m.Own() {
		files = filepath.Join(s.root, pathOf(m).dir)
	}
	out, err := s.run(m, binary, files)
	if err != nil {
		return fmt.Errorf("the suite fails without the mutation: %s", cmp.Or(firstFailure(out), ownFailure(out)))
	}
	passed := regexp.MustCompile(`--- PASS: (\w+/)?` + m.Test + " ")
	if !passed.MatchString(out) {
		return fmt.Errorf("this machine has no %s", m.Test)
	}
	return nil
}

// run runs a mutation's part of the suite in a binary, with a directory's files: the modules of PTX, or the assembly that
// a test interprets.
func (s *suite) run(m *mutations.Mutation, binary, files string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	p := pathOf(m)
	cmd := exec.CommandContext(ctx, binary, append([]string{"-test.v", "-test.failfast", "-test.run", p.pattern}, p.args...)...)
	cmd.Dir = filepath.Join(s.root, p.dir)
	if m.Own() {
		cmd.Dir = files
	}
	cmd.Env = append(os.Environ(), modules+"="+files)
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
	dir, err := os.MkdirTemp(s.dir, "mutant")
	if err != nil {
		res.By = err.Error()
		return res
	}
	defer os.RemoveAll(dir)
	binary, err := s.mutant(&m, dir)
	if err != nil {
		res.By = err.Error()
		return res
	}
	out, err := s.run(&m, binary, dir)
	failure := firstFailure
	if m.Own() {
		failure = ownFailure
	}
	switch {
	case err == nil:
		res.Outcome = mutations.Survived
	case errors.Is(err, context.DeadlineExceeded):
		res.Outcome, res.By = mutations.Hung, failure(out)
	case strings.HasPrefix(firstCrash(out), unknown):
		res.By = firstCrash(out)
	case failure(out) == "":
		res.Outcome, res.By = mutations.Crashed, firstCrash(out)
	default:
		res.Outcome, res.By = mutations.Caught, failure(out)
	}
	return res
}

// mutant makes the suite with a mutation in it: a binary of its own, or the module in the directory ptx.
func (s *suite) mutant(m *mutations.Mutation, dir string) (string, error) {
	if m.PTX() {
		return s.gpu, s.mutateModule(m, dir)
	}
	file, err := m.Write(s.root, dir)
	if err != nil {
		return "", err
	}
	overlay, err := overlay(dir, filepath.Join(s.root, m.File), file)
	if err != nil {
		return "", err
	}
	if m.Own() {
		if err := link(filepath.Join(s.root, filepath.Dir(m.File)), dir, "*.s"); err != nil {
			return "", err
		}
	}
	binary := filepath.Join(dir, "mutant.test")
	return binary, s.build(pathOf(m), binary, overlay)
}

// mutateModule puts all modules into a directory, one of them mutated, which must still be PTX.
func (s *suite) mutateModule(m *mutations.Mutation, dir string) error {
	to := filepath.Join(dir, "ptx")
	if err := os.Mkdir(to, 0o755); err != nil {
		return err
	}
	file, err := m.Write(s.root, to)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if _, err := ptx.Parse(string(text)); err != nil {
		return err
	}
	return link(filepath.Join(s.root, "kernels", "ptx"), to, "*.ptx")
}

// link puts links to a directory's files that match a pattern into another, beside what is there already.
func link(from, to, pattern string) error {
	files, err := filepath.Glob(filepath.Join(from, pattern))
	for _, file := range files {
		if e := os.Symlink(file, filepath.Join(to, filepath.Base(file))); !errors.Is(e, os.ErrExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// firstFailure is the first case that failed and what was wrong. Of the simulator's account of a fault, which has
// addresses and the like, only the kind is kept.
func firstFailure(out string) string {
	for line := range strings.Lines(out) {
		_, text, ok := strings.Cut(line, "_test.go:")
		if !ok || strings.Contains(text, " cases ran") {
			continue
		}
		if _, text, ok = strings.Cut(strings.TrimSpace(text), ": "); !ok {
			continue
		}
		name, _, _ := strings.Cut(text, ": ")
		if _, fault, ok := strings.Cut(text, " device 0: ptx: "); ok {
			parts := strings.SplitN(fault, ": ", 3)
			return name + ": " + strings.Join(parts[:min(2, len(parts))], ": ")
		}
		return text
	}
	return ""
}

// ownFailure is what a package's own test says of its failure: a requirement, else what it logged last.
func ownFailure(out string) string {
	text := firstRequirement(out)
	if text == "" {
		for line := range strings.Lines(out) {
			if _, said, ok := strings.Cut(line, "_test.go:"); ok {
				_, text, _ = strings.Cut(strings.TrimSpace(said), ": ")
			}
		}
	}
	return text
}

// said are the lines of testify's account of a failure that say what does not change from run to run.
var said = regexp.MustCompile(`(?m)^\s+(Test|Messages|Error):\s+(.*\S)\s*$`)

// firstRequirement is the first test that failed by a requirement of testify's, and the requirement's message or error.
func firstRequirement(out string) string {
	var name, text string
	for _, line := range said.FindAllStringSubmatch(out, -1) {
		switch line[1] {
		case "Error":
			if name != "" { // of the next failure
				return name + ": " + text
			}
			text = line[2]
		case "Test":
			name = line[2]
		case "Messages":
			text = line[2]
		}
	}
	if name == "" {
		return ""
	}
	return name + ": " + text
}

// unknown is how a test ends that interprets assembly and meets an instruction that it does not know.
const unknown = "panic: emulator: "

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
