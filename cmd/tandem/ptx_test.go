package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/npy"
)

// writeNPY writes a vector to a file of its own.
func writeNPY[T float32 | uint32](t *testing.T, dtype string, v ...T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "in.npy")
	data, err := binary.Append(nil, binary.LittleEndian, v)
	require.NoError(t, err)
	f, err := os.Create(path)
	require.NoError(t, err)
	require.NoError(t, npy.Write(f, &npy.Array{DType: dtype, Shape: []int{len(v)}, Data: data}))
	require.NoError(t, f.Close())
	return path
}

// readNPY reads a file's elements.
func readNPY[T float32 | float64 | uint32 | uint64](t *testing.T, path, dtype string, shape ...int) []T {
	t.Helper()
	a, err := npy.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, dtype, a.DType)
	require.Equal(t, shape, a.Shape)
	v := make([]T, len(a.Data)/binary.Size(*new(T)))
	_, err = binary.Decode(a.Data, binary.LittleEndian, v)
	require.NoError(t, err)
	return v
}

// ptxCommand runs a kernel of testdata and reads the report.
func ptxCommand(t *testing.T, args ...string) (status int, r ptxReport, stderr string) {
	t.Helper()
	status, stdout, stderr := invoke(t, t.Context(), nil, append([]string{"ptx", "testdata/kernels.ptx", "--json", "-"}, args...)...)
	require.NoError(t, json.Unmarshal([]byte(stdout), &r), "%s%s", stdout, stderr)
	return status, r, stderr
}

func TestPTXScales(t *testing.T) {
	out := filepath.Join(t.TempDir(), "y.npy")
	x := writeNPY[float32](t, "<f4", 1, -2, 3, 0.5, 8)
	status, r, stderr := ptxCommand(t, "--entry", "scale", "--grid", "2,1", "--block", "32", "--arg", "empty:f32:5x1", "--arg", x,
		"--arg", "f32=0.5", "--arg", "i32=5", "--out", "0="+out)
	require.Equal(t, good, status, stderr)
	require.Equal(t, []float32{0.5, -1, 1.5, 0.25, 4}, readNPY[float32](t, out, "<f4", 5, 1))
	require.True(t, r.OK)
	require.Nil(t, r.Finding)
	require.Equal(t, [3]int{2, 1, 1}, r.Grid)
	require.Equal(t, ptxParam{"a", "f32", "f32=0.5"}, r.Params[2])
	// Two warps of 7 instructions, one of which goes on for 9 more with 5 lanes; then both return.
	require.Equal(t, ptxInstructions{Total: 25, Arithmetic: 19, Memory: 2, Control: 4, Lanes: float64(2*8*32+9*5) / 25}, r.Instructions)
	require.Equal(t, ptxGlobal{Requests: 2, Sectors: 2, Bytes: 40, Per: 1}, r.Global)
	require.Equal(t, r.Blocks.Reachable, r.Blocks.Reached)
	require.Contains(t, stderr, "findings           none")
}

func TestPTXOutIsTheArgumentAfterTheRun(t *testing.T) {
	words := make([]uint32, 64)
	for i := range words {
		words[i] = uint32(i)
	}
	in, out := writeNPY(t, "<u4", words...), filepath.Join(t.TempDir(), "x.npy")
	status, r, stderr := ptxCommand(t, "--entry", "reverse", "--block", "64", "--arg", in, "--out", "0="+out)
	require.Equal(t, good, status, stderr)
	for i, got := range readNPY[uint32](t, out, "<u4", 64) {
		require.EqualValues(t, 63-i, got)
	}
	require.Equal(t, ptxShared{Static: 256, Requests: 4, Passes: 4}, r.Shared)
	require.EqualValues(t, 2, r.Instructions.Barriers)

	status, stdout, _ := invoke(t, t.Context(), nil, "ptx", "testdata/kernels.ptx", "--entry", "reverse", "--block", "64", "--arg", in, "--out", "0=-")
	require.Equal(t, good, status)
	a, err := npy.Read(strings.NewReader(stdout))
	require.NoError(t, err, "standard output is the array alone")
	require.Equal(t, []int{64}, a.Shape)
}

func TestPTXScalarTypes(t *testing.T) {
	out, pair := filepath.Join(t.TempDir(), "out.npy"), writeNPY[uint32](t, "<u4", 11, 22)
	run := func(args ...string) []uint64 {
		t.Helper()
		line := []string{"--entry", "kinds", "--arg", "empty:u64:7", "--out", "0=" + out}
		for _, a := range append(args, "value:"+pair) {
			line = append(line, "--arg", a)
		}
		status, _, stderr := ptxCommand(t, line...)
		require.Equal(t, good, status, stderr)
		return readNPY[uint64](t, out, "<u8", 7)
	}
	minus3 := ^uint64(2)
	require.Equal(t, []uint64{200, minus3, 1 << 31, 7, 0x3c01, math.Float64bits(-0.1), 22},
		run("u8=200", "i16=-3", "u32=0x80000000", "i64=7", "f16=1.001", "f64=-0.1"))
	require.Equal(t, []uint64{255, 5, 0xffffffff, minus3, 0x3f80, math.Float64bits(math.Inf(1)), 22},
		run("i8=-1", "u16=5", "i32=-1", "u64=0xfffffffffffffffd", "bf16=1.001", "f64=inf"))
}

func TestPTXUniformIsSeeded(t *testing.T) {
	draw := func(spec string) []float64 {
		a, err := parseArgument(spec)
		require.NoError(t, err)
		v := make([]float64, 1000)
		_, err = binary.Decode(a.buffer.Data, binary.LittleEndian, v)
		require.NoError(t, err)
		return v
	}
	first := draw("uniform:f64:10x100:3")
	require.Equal(t, first, draw("uniform:f64:10x100:3"))
	require.NotEqual(t, first, draw("uniform:f64:10x100:4"))
	var sum float64
	for _, x := range first {
		require.True(t, x >= 0 && x < 1, "%v", x)
		sum += x
	}
	require.InDelta(t, 500, sum, 50)
}

func TestPTXFindings(t *testing.T) {
	for _, c := range []struct {
		name, line, text string
		args             []string
	}{
		{"out of bounds", "27", "ld.global.f32 %f2, [%rd4];",
			[]string{"--entry", "scale", "--block", "64", "--arg", "zeros:f32:64", "--arg", "zeros:f32:63", "--arg", "f32=1", "--arg", "u32=64"}},
		{"uninitialised read", "27", "ld.global.f32 %f2, [%rd4];",
			[]string{"--entry", "scale", "--block", "64", "--arg", "zeros:f32:64", "--arg", "empty:f32:64", "--arg", "f32=1", "--arg", "u32=64"}},
		{"uninitialised read", "76", "ld.shared.u32 %r2, [%r5];", []string{"--entry", "racy", "--block", "64", "--arg", "zeros:u32:64"}},
		{"out of bounds", "103", "st.global.u64 [%rd1+48], %rd2;", []string{"--entry", "kinds", "--arg", "empty:u64:6", "--arg", "u8=1", "--arg", "i16=1",
			"--arg", "i32=1", "--arg", "i64=1", "--arg", "f16=1", "--arg", "f64=1", "--arg", "value:" + writeNPY[uint32](t, "<u4", 1, 2)}},
	} {
		status, r, stderr := ptxCommand(t, c.args...)
		require.Equal(t, failed, status, c.name)
		require.False(t, r.OK)
		require.Equal(t, c.name, r.Finding.Kind)
		require.Equal(t, c.text, r.Finding.Instruction)
		require.Contains(t, stderr, "tandem: ptx: "+c.args[1]+": "+c.name)
		require.Contains(t, stderr, "(line "+c.line+": "+c.text+")")
		require.NotContains(t, stderr, "--help")
	}
	status, r, stderr := ptxCommand(t, "--entry", "spin", "--budget", "100")
	require.Equal(t, failed, status)
	require.Equal(t, "instruction budget exceeded", r.Finding.Kind)
	require.Contains(t, stderr, "more than 100 warp instructions")
}

// A race between blocks is seen where a write comes before the access that it races with.
func TestPTXSeedChangesTheOrder(t *testing.T) {
	found := 0
	for _, seed := range []string{"0", "1", "2", "3", "4"} {
		status, r, _ := ptxCommand(t, "--entry", "across", "--grid", "4", "--arg", "zeros:u32:5", "--seed", seed)
		if status == good {
			continue
		}
		require.NotEqual(t, "0", seed)
		require.Equal(t, "race between blocks", r.Finding.Kind)
		found++
	}
	require.Positive(t, found)
}

func TestPTXWritesNoResultOfAFault(t *testing.T) {
	out := filepath.Join(t.TempDir(), "x.npy")
	status, _, _ := ptxCommand(t, "--entry", "racy", "--block", "64", "--arg", "zeros:u32:64", "--out", "0="+out)
	require.Equal(t, failed, status)
	data, err := os.ReadFile(out)
	require.NoError(t, err)
	require.Empty(t, data)
}

func TestPTXNamesBlocksThatNeverRan(t *testing.T) {
	status, stdout, _ := invoke(t, t.Context(), nil, "ptx", "testdata/kernels.ptx", "--entry", "scale", "--arg", "zeros:f32:1", "--arg", "zeros:f32:1",
		"--arg", "f32=1", "--arg", "u32=0")
	require.Equal(t, good, status)
	require.Contains(t, stdout, "2 of 3 reached")
	require.Contains(t, stdout, "never at line 21: ld.param.u64 %rd1, [y];")
}

func TestPTXFilesThatAreWrongFail(t *testing.T) {
	status, _, stderr := invoke(t, t.Context(), nil, "ptx", "testdata/unknown.ptx")
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "odd: ptx: line 10: frobnicate.b32 %r1, 1;: unknown instruction")
	path := filepath.Join(t.TempDir(), "bad.ptx")
	require.NoError(t, os.WriteFile(path, []byte(".version 7.1\n.target sm_80\n.entry a( { }"), 0o644))
	status, _, stderr = invoke(t, t.Context(), nil, "ptx", path)
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "line 3")
}

func TestPTXMisuse(t *testing.T) {
	vector := writeNPY[float32](t, "<f4", 1)
	for line, want := range map[string]string{
		"":                                         "accepts 1 arg(s), received 0",
		"FILE":                                     "scale\n  reverse\n  racy\n  kinds\n  across\n  spin",
		"FILE --entry nobody":                      "--entry nobody: ",
		"none.ptx":                                 "no such file",
		"FILE --entry scale":                       "scale takes 4 parameters, and there are 0 --arg:\n  0  u64      y\n  1  u64      x\n  2  f32      a\n  3  u32      n",
		"FILE --entry reverse --grid 0":            "--grid 0: want one to three positive numbers",
		"FILE --block 1,1,1,1":                     "--block 1,1,1,1: want",
		"FILE --arg f32=x":                         "\"x\" is no f32",
		"FILE --arg u8=256":                        "\"256\" is no u8",
		"FILE --arg f33=1":                         "--arg f33=1: neither a scalar",
		"FILE --arg missing.npy":                   "no such file",
		"FILE --arg value:testdata/x.npy":          "no such file",
		"FILE --arg zeros:f32":                     "zeros has 2 parts",
		"FILE --arg zeros:f33:4":                   "no type is called \"f33\"",
		"FILE --arg zeros:f32:4x0":                 "is no shape",
		"FILE --arg zeros:f64:99999x9999999":       "do not fit",
		"FILE --arg uniform:f32:4:many":            "is no seed",
		"FILE --entry reverse --arg i64=1 --out 0": "want K=FILE.npy",
		"FILE --entry reverse --arg i64=1 --out 1=x.npy":                        "there are 1 arguments",
		"FILE --entry reverse --arg i64=1 --out 0=x.npy":                        "is no buffer",
		"FILE --entry reverse --arg u32=1":                                      "--arg u32=1: parameter 0 of reverse, x, is u64",
		"FILE --entry reverse --arg f64=1":                                      "is u64",
		"FILE --entry reverse --arg zeros:f32:1 --block 64,32":                  "threads per block",
		"FILE --entry reverse --arg zeros:f32:1 --shared -4":                    "bytes of shared memory",
		"FILE --entry reverse --arg zeros:f32:1 --json - --out 0=-":             "standard output is taken",
		"FILE --entry scale --arg VECTOR --arg VECTOR --arg f64=1 --arg u32=1":  "--arg f64=1: parameter 2 of scale, a, is f32",
		"FILE --entry scale --arg VECTOR --arg VECTOR --arg i32=1 --arg u32=1":  "--arg i32=1: parameter 2 of scale, a, is f32",
		"FILE --entry scale --arg VECTOR --arg VECTOR --arg f32=1 --arg f32=1":  "--arg f32=1: parameter 3 of scale, n, is u32",
		"FILE --entry scale --arg VECTOR --arg VECTOR --arg VECTOR --arg u32=1": "parameter 2 of scale, a, is f32",
	} {
		args := strings.Fields(strings.NewReplacer("FILE", "testdata/kernels.ptx", "VECTOR", vector).Replace(line))
		status, stdout, stderr := invoke(t, t.Context(), nil, append([]string{"ptx"}, args...)...)
		require.Equal(t, misused, status, line)
		require.Contains(t, stderr, want, line)
		require.Contains(t, stderr, "see tandem ptx --help", line)
		require.Empty(t, stdout, line)
	}
}

func TestPTXThatCannotBeWrittenFails(t *testing.T) {
	line := []string{"ptx", "testdata/kernels.ptx", "--entry", "reverse", "--block", "64", "--arg", "zeros:u32:64"}
	status, _, stderr := invoke(t, t.Context(), func(a *app) { a.stdout = full{} }, line...)
	require.Equal(t, failed, status)
	require.Contains(t, stderr, errFull.Error())
	for _, flag := range []string{"--json", "--out"} {
		path := filepath.Join(t.TempDir(), "missing", "file")
		if flag == "--out" {
			path = "0=" + path
		}
		status, _, stderr = invoke(t, t.Context(), nil, append(line, flag, path)...)
		require.Equal(t, failed, status)
		require.Contains(t, stderr, "no such file")
	}
}

func TestPTXHelp(t *testing.T) {
	status, stdout, _ := invoke(t, t.Context(), nil, "ptx", "--help")
	require.Equal(t, good, status)
	for _, want := range []string{"--entry", "--arg", "--out", "zeros:f32:1024", "value:x.npy", "needs no GPU"} {
		require.Contains(t, stdout, want)
	}
}

func TestPTXInterrupt(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	status, _, stderr := invoke(t, ctx, nil, "ptx", "testdata/kernels.ptx", "--entry", "spin")
	require.Equal(t, failed, status)
	require.Contains(t, stderr, "ptx: interrupted")
}
