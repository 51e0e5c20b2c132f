package weights

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem"
)

// The formats' own libraries wrote these files: testdata/reference.py.
func TestReference(t *testing.T) {
	f, err := Open("testdata/reference.safetensors")
	require.NoError(t, err)
	defer f.Close()
	require.Equal(t, "safetensors", f.Format)
	require.Equal(t, `a "b" ü`, f.Metadata.Value("quote"))
	require.Len(t, f.Tensors(), 9)
	for name, want := range map[string]string{"embed.weight": "embed.weight f32[4,64]", "half": "half f16[3,5]", "double": "double f64[2,1,3]",
		"ids": "ids i64[7]", "small": "small i32[2,3]", "bytes": "bytes u8[5]", "flags": "flags bool[3]", "scalar": "scalar f32[]", "empty": "empty f32[0,4]"} {
		require.Equal(t, want, f.Tensor(name).String())
	}
	require.Equal(t, []byte{0, 1, 2, 3, 4}, f.Tensor("bytes").Bytes())
	require.Equal(t, float32(2.5), math.Float32frombits(binary.LittleEndian.Uint32(f.Tensor("scalar").Bytes())))

	g, err := Open("testdata/reference.gguf")
	require.NoError(t, err)
	defer g.Close()
	require.Equal(t, "gguf", g.Format)
	blocks, err := Get[int](&g.Metadata, "llama.block_count")
	require.NoError(t, err)
	require.Equal(t, 2, blocks)
	base, err := Get[float64](&g.Metadata, "llama.rope.freq_base")
	require.NoError(t, err)
	require.Equal(t, 10000.0, base)
	tokens, err := Get[[]string](&g.Metadata, "tokenizer.ggml.tokens")
	require.NoError(t, err)
	require.Equal(t, []string{"<s>", "ü", "a b"}, tokens)
	large, err := Get[int](&g.Metadata, "large")
	require.NoError(t, err)
	require.Equal(t, 1<<40, large)
	_, err = Get[string](&g.Metadata, "large")
	require.ErrorContains(t, err, `"large" is uint64, want string`)
	_, err = Get[int](&g.Metadata, "none")
	require.Error(t, err)
	require.Equal(t, f.Tensor("embed.weight").Bytes(), g.Tensor("token_embd.weight").Bytes(), "both hold the same")
	require.Equal(t, []int{4, 64}, g.Tensor("Q4_0").Dims)
	require.Equal(t, "Q5_1 q5_1[4,64]", g.Tensor("Q5_1").String())
	_, err = g.Find("Q9_0")
	require.ErrorContains(t, err, `no tensor "Q9_0"`)
}

// random is entries of every type that a format has.
func random(r *rand.Rand, has func(Type) bool) []Entry {
	var es []Entry
	for t := Type(1); t < numTypes; t++ {
		if !has(t) {
			continue
		}
		elems, size := t.Block()
		data := make([]byte, 3*2*size)
		for i := range data {
			if data[i] = byte(r.Uint32()); t == Bool {
				data[i] &= 1
			}
		}
		es = append(es, Data(t.String(), t, data, 3, 2*elems))
	}
	return append(es, Data("none", F32, nil, 0, 7), Data("one", F32, []byte{0, 0, 128, 63}))
}

func bytesOf(t *testing.T, e Entry) []byte {
	var b bytes.Buffer
	_, err := e.WriteTo(&b)
	require.NoError(t, err)
	return b.Bytes()
}

func requireEntries(t *testing.T, es []Entry, f *File) {
	require.Len(t, f.Tensors(), len(es))
	for _, e := range es {
		x := f.Tensor(e.Name)
		require.NotNil(t, x, e.Name)
		require.Equal(t, e.Type, x.Type)
		require.Equal(t, append([]int{}, e.Dims...), append([]int{}, x.Dims...))
		require.True(t, bytes.Equal(bytesOf(t, e), x.Bytes()), e.Name)
	}
}

func TestRoundTrip(t *testing.T) {
	r, dir := rand.New(rand.NewPCG(3, 1)), t.TempDir()
	es := random(r, func(t Type) bool { return kinds[t].safetensors != "" })
	path := filepath.Join(dir, "a.safetensors")
	require.NoError(t, WriteSafetensors(path, map[string]string{"b": "2", "a": "1"}, es))
	f, err := Open(path)
	require.NoError(t, err)
	requireEntries(t, es, f)
	require.Equal(t, []string{"a", "b"}, f.Metadata.Keys())

	meta := NewMetadata()
	for _, v := range []any{uint8(1), int8(-1), uint16(2), int16(-2), uint32(3), int32(-3), uint64(4), int64(-4), float32(.5), 0.25, true, "text",
		[]uint8{1}, []int8{-1}, []uint16{2}, []int16{-2}, []uint32{3}, []int32{-3}, []uint64{4}, []int64{-4}, []float32{.5}, []float64{.25},
		[]bool{true, false}, []string{"", "ü"}, []any{[]int32{1, 2}, []string{"x"}}} {
		meta.Set("key."+strings.Repeat("x", len(meta.Keys())), v)
	}
	es = random(r, func(t Type) bool { return kinds[t].ggml >= 0 })
	gguf := filepath.Join(dir, "a.gguf")
	require.NoError(t, WriteGGUF(gguf, &meta, es))
	g, err := Open(gguf)
	require.NoError(t, err)
	requireEntries(t, es, g)
	require.Equal(t, meta.Keys(), g.Metadata.Keys())
	for _, k := range meta.Keys() {
		require.Equal(t, meta.Value(k), g.Metadata.Value(k))
	}

	// A file read is a file to write, in the other format too.
	var again []Entry
	for _, x := range f.Tensors() {
		if kinds[x.Type].ggml >= 0 {
			again = append(again, x.Entry())
		}
	}
	require.NoError(t, WriteGGUF(filepath.Join(dir, "b.gguf"), nil, again))
	h, err := Open(filepath.Join(dir, "b.gguf"))
	require.NoError(t, err)
	requireEntries(t, again, h)
	for _, x := range []*File{f, g, h} {
		for _, y := range x.Tensors() {
			require.NoError(t, y.Release())
		}
		require.NoError(t, x.Close())
		require.NoError(t, x.Close(), "twice is nothing")
	}
}

func TestLoad(t *testing.T) {
	dev, err := tandem.Open(tandem.OnDevice("cpu"))
	require.NoError(t, err)
	defer dev.Close()
	f, err := Open("testdata/reference.safetensors")
	require.NoError(t, err)
	defer f.Close()
	for _, x := range f.Tensors() {
		y, err := x.Load(dev)
		require.NoError(t, err)
		require.Equal(t, x.Type.DType(), y.DType())
		out := make([]byte, len(x.Bytes()))
		require.NoError(t, dev.Run(t.Context(), func(s *tandem.Scope) error { return tandem.ReadBytes(s, y, out) }))
		require.True(t, bytes.Equal(x.Bytes(), out), x.Name)
		require.NoError(t, y.Close())
	}
	g, err := Open("testdata/reference.gguf")
	require.NoError(t, err)
	defer g.Close()
	_, err = g.Tensor("Q4_0").Load(dev)
	require.ErrorIs(t, err, tandem.ErrUnsupported)
}

// What cannot be written leaves the file of that name as it was, and nothing beside it.
func TestWritesAreAtomic(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.safetensors")
	good := []Entry{Data("x", U8, []byte{1, 2, 3}, 3)}
	require.NoError(t, WriteSafetensors(path, nil, good))
	before, err := os.ReadFile(path)
	require.NoError(t, err)
	full := errors.New("no space left on device")
	failing := Entry{"y", U8, []int{4}, func(w io.Writer) (int64, error) {
		_, _ = w.Write([]byte{1, 2})
		return 2, full
	}}
	for name, es := range map[string][]Entry{
		"full disk": {good[0], failing}, "too short": {Data("y", U8, []byte{1}, 2)}, "too long": {Data("y", U8, []byte{1, 2, 3}, 2)},
		"twice": {good[0], good[0]}, "no type": {Data("y", 0, nil, 2)}, "no such type": {Data("y", Q4_0, make([]byte, 18), 32)},
		"reserved": {Data("__metadata__", U8, nil, 0)}, "negative": {Data("y", U8, nil, -1)}, "overflow": {Data("y", F64, nil, math.MaxInt, 2)},
	} {
		require.Error(t, WriteSafetensors(path, nil, es), name)
		after, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, before, after, name)
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, 1, name)
	}
	require.ErrorIs(t, WriteSafetensors(path, nil, []Entry{failing}), full)
	require.Error(t, WriteSafetensors(filepath.Join(dir, "none", "a"), nil, good))
	meta := NewMetadata()
	meta.Set("x", struct{}{})
	require.ErrorContains(t, WriteGGUF(path, &meta, nil), `"x"`)
	require.Error(t, WriteGGUF(path, nil, []Entry{Data("y", U8, []byte{1}, 1)}), "GGUF has no u8")
	require.Error(t, WriteGGUF(path, nil, []Entry{Data("y", I8, []byte{1}, 1, 1, 1, 1, 1)}))
	require.ErrorContains(t, WriteGGUF(path, nil, []Entry{Data("y", Q4_0, nil, 31)}), "whole blocks")
}
