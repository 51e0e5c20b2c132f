package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/bench"
	"github.com/tandem-compute/tandem/cpu"
	"github.com/tandem-compute/tandem/internal/device"
	"github.com/tandem-compute/tandem/internal/op"
	"github.com/tandem-compute/tandem/internal/parity"
	"github.com/tandem-compute/tandem/internal/ref"
)

// invoke runs a command line. Bench measures no ceilings, since they take seconds.
func invoke(t *testing.T, ctx context.Context, change func(*app), args ...string) (status int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	a := newApp(&out, &err)
	a.ceilings = func(context.Context, int) (bench.Ceilings, error) { return bench.Ceilings{}, nil }
	if change != nil {
		change(a)
	}
	status = a.run(ctx, args)
	return status, out.String(), err.String()
}

func TestMisuse(t *testing.T) {
	t.Setenv("TANDEM_DEVICE", "")
	for line, want := range map[string]string{
		"frobnicate":                           `unknown command "frobnicate"`,
		"check --frob":                         "unknown flag: --frob",
		"check stray":                          `unknown command "stray"`,
		"check --op [":                         "--op: error parsing regexp",
		"check --op ^no-such-op/":              "no case has such a name",
		"check --device gpu":                   `no device is called "gpu"`,
		"check --device null":                  "computes nothing",
		"check --variant sse9":                 `cpu variant "sse9"`,
		"check --threads 0":                    "--threads 0: want at least 1",
		"check --threads many":                 "invalid argument",
		"info --device cpu":                    "unknown flag: --device",
		"info --json - --matrix -":             "standard output is taken",
		"bench --filter [":                     "error parsing regexp",
		"bench --filter ^no-such-case/":        "no case has such a name",
		"bench --peer nobody":                  `no peer "nobody"`,
		"bench --rounds 0":                     "--rounds 0: want at least 1",
		"bench --threads -1":                   "--threads -1: want at least 1",
		"bench --threads 100000":               "--threads 100000: at most",
		"bench --peer= --json - --benchstat -": "standard output is taken",
		"bench --peer= --html -":               "want a file",
	} {
		status, stdout, stderr := invoke(t, t.Context(), nil, strings.Fields(line)...)
		require.Equal(t, misused, status, line)
		require.Contains(t, stderr, want, line)
		require.Contains(t, stderr, "--help", line)
		require.Empty(t, stdout, line)
	}
	t.Setenv("TANDEM_DEVICE", "abacus")
	for _, command := range []string{"info", "check", "bench"} {
		status, _, stderr := invoke(t, t.Context(), nil, command)
		require.Equal(t, misused, status, command)
		require.Contains(t, stderr, `no device is called "abacus"`)
	}
	t.Setenv("TANDEM_DEVICE", "null")
	for _, command := range []string{"check", "bench"} {
		status, stdout, stderr := invoke(t, t.Context(), nil, command)
		require.Equal(t, misused, status, command)
		require.Contains(t, stderr, "computes nothing")
		require.Empty(t, stdout)
	}
}

func TestAFileThatCannotBeWrittenFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "missing", "out.json")
	for _, args := range [][]string{{"info"}, {"check", "--op", "^add/f32"}, {"bench", "--peer=", "--filter", "64x64x64"}} {
		status, _, stderr := invoke(t, t.Context(), nil, append(args, "--json", path)...)
		require.Equal(t, failed, status, args)
		require.Contains(t, stderr, "no such file", args)
	}
}

// full is standard output on a full disk.
type full struct{}

var errFull = errors.New("disk full")

func (full) Write([]byte) (int, error) { return 0, errFull }

func TestTextThatCannotBeWrittenFails(t *testing.T) {
	for _, line := range []string{"info", "check --op ^add/f32/3x45_3x45$", "bench --peer= --rounds 1 --filter 64x64x64"} {
		status, _, stderr := invoke(t, t.Context(), func(a *app) { a.stdout = full{} }, strings.Fields(line)...)
		require.Equal(t, failed, status, line)
		require.Equal(t, 1, strings.Count(stderr, errFull.Error()), stderr)
	}
}

func TestHelp(t *testing.T) {
	status, stdout, _ := invoke(t, t.Context(), nil)
	require.Equal(t, good, status)
	for _, command := range []string{"info", "check", "bench"} {
		require.Contains(t, stdout, command)
	}
}

func TestInfo(t *testing.T) {
	status, stdout, stderr := invoke(t, t.Context(), nil, "info")
	require.Equal(t, good, status)
	require.Empty(t, stderr)
	require.Contains(t, stdout, "generic")

	status, stdout, stderr = invoke(t, t.Context(), nil, "info", "--json", "-")
	require.Equal(t, good, status)
	require.Contains(t, stderr, "default device")
	var r infoReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &r))
	require.Equal(t, cpu.Variants(), r.Variants)
	require.Equal(t, "cpu", r.Devices[0].Name)
	require.True(t, r.Devices[0].Found)
	require.Positive(t, r.Devices[0].Support.Kernels)
	require.NotEmpty(t, r.Why)
}

func TestInfoWritesTheMatrix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "SUPPORT.md")
	status, _, stderr := invoke(t, t.Context(), nil, "info", "--matrix", path)
	require.Equal(t, good, status, stderr)
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	b, _, err := cpu.Open(cpu.Options{})
	require.NoError(t, err)
	defer b.Close()
	m := parity.Support(b)
	require.Contains(t, string(page), m.Markdown())
}

func TestCheckPasses(t *testing.T) {
	status, stdout, stderr := invoke(t, t.Context(), nil, "check", "--device", "cpu", "--quick", "--op", "^(matmul|softmax)/", "--json", "-")
	require.Equal(t, good, status, stderr)
	var r checkReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &r))
	require.True(t, r.OK)
	require.Len(t, r.Runs, len(cpu.Variants()), "every variant")
	for _, run := range r.Runs {
		require.Equal(t, r.Cases, run.Total.Passed)
		require.Contains(t, stderr, "cpu "+run.Variant)
	}

	status, stdout, _ = invoke(t, t.Context(), nil, "check", "--device", "cpu", "--variant", "generic", "--threads", "1", "--op", "^add/f32/3x45_3x45$")
	require.Equal(t, good, status)
	require.Contains(t, stdout, "cpu generic, threads: 1\n")
	require.Equal(t, 1, strings.Count(stdout, "family"), "one variant alone")
}

// broken is the oracle as a device whose results are wrong in one bit.
type broken struct{ ref.Backend }

func (broken) Name() string { return "broken" }

func (b broken) Supports(o op.Op, in, out []op.Type) (op.Kernel, error) {
	k, err := b.Backend.Supports(o, in, out)
	right := k.Run
	k.Run = func(s op.Stream, n *op.Node) error {
		err := right(s, n)
		if v := &n.Out[0]; v.Elems() > 0 {
			v.Block.Bytes[v.Off+v.DType.Size()-1] ^= 0x40 // the highest bit of an exponent, in the first element
		}
		return err
	}
	return k, err
}

// on makes every device b.
func on(b op.Backend) func(*app) {
	return func(a *app) {
		a.open = func(string, device.Options) (op.Backend, []string, error) { return b, []string{b.Name()}, nil }
	}
}

func TestCheckFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "check.json")
	status, stdout, stderr := invoke(t, t.Context(), on(broken{}), "check", "--op", "^add/f32/3x45", "--json", path)
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "cases failed")
	require.NotContains(t, stderr, "--help")
	require.Contains(t, stdout, "again: tandem check --device broken --op '^add/f32/3x45_3x45$'")
	require.Contains(t, stdout, "[0,0] got")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	var r checkReport
	require.NoError(t, json.Unmarshal(data, &r))
	require.False(t, r.OK)
	require.Positive(t, r.Runs[0].Total.Failed)
	require.Len(t, r.Runs[0].Failures, r.Runs[0].Total.Failed)
}

// unable has no kernel at all.
type unable struct{ ref.Backend }

func (unable) Supports(o op.Op, _, _ []op.Type) (op.Kernel, error) {
	return op.Kernel{}, op.UnsupportedErr("no %s today", o.Name())
}

func TestCheckOfADeviceThatCanDoNothingFails(t *testing.T) {
	status, stdout, stderr := invoke(t, t.Context(), on(unable{}), "check", "--op", "^add/f32/")
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "supports none of the cases")
	require.Contains(t, stdout, "unsupported: no add today")
}

func TestAnOpenThatFailsIsNoMisuse(t *testing.T) {
	status, _, stderr := invoke(t, t.Context(), func(a *app) {
		a.open = func(string, device.Options) (op.Backend, []string, error) { return nil, nil, errors.New("on fire") }
	}, "check")
	require.Equal(t, failed, status)
	require.Equal(t, "tandem: on fire\n", stderr)
}

func TestInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, stdout, stderr := invoke(t, ctx, nil, "check", "--device", "cpu", "--json", "-")
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "check: interrupted")
	var r checkReport
	require.NoError(t, json.Unmarshal([]byte(stdout), &r))
	require.True(t, r.Interrupted)
	require.False(t, r.OK)

	status, _, stderr = invoke(t, ctx, nil, "bench", "--peer=", "--filter", "64x64x64")
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "bench: interrupted")
}

func TestBench(t *testing.T) {
	dir := t.TempDir()
	stat, html := filepath.Join(dir, "stat.txt"), filepath.Join(dir, "page.html")
	status, stdout, stderr := invoke(t, t.Context(), nil, "bench", "--filter", "^gemm/f32/64x64x64$", "--peer", "gonum,gonum",
		"--threads", "1", "--rounds", "3", "--json", "-", "--benchstat", stat, "--html", html)
	require.Equal(t, good, status, stderr)
	require.Contains(t, stderr, "gemm/f32/64x64x64")
	lines := strings.Split(strings.TrimSpace(stdout), "\n")
	require.Len(t, lines, 2)
	for i, impl := range []string{"tandem", "gonum"} {
		var row struct {
			Case, Impl string
			Threads    int
			NS, Ratio  float64
		}
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &row))
		require.Equal(t, impl, row.Impl)
		require.Equal(t, "gemm/f32/64x64x64", row.Case)
		require.Equal(t, 1, row.Threads)
		require.Positive(t, row.NS)
		require.Equal(t, i > 0, row.Ratio > 0)
	}
	for path, want := range map[string]string{stat: "BenchmarkGemm/f32/64x64x64-1", html: "</html>"} {
		data, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Contains(t, string(data), want)
	}
}
