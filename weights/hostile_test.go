package weights

import (
	"bytes"
	"encoding/binary"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// header is a safetensors file with a JSON text and so many bytes of data.
func header(text string, data int) []byte {
	b := binary.LittleEndian.AppendUint64(nil, uint64(len(text)))
	return append(append(b, text...), make([]byte, data)...)
}

// gguf is a GGUF file of numbers, strings and raw bytes.
func gguf(parts ...any) []byte {
	var b bytes.Buffer
	b.WriteString(ggufMagic)
	for _, p := range parts {
		switch p := p.(type) {
		case string:
			putString(&b, p)
		default:
			_ = binary.Write(&b, binary.LittleEndian, p)
		}
	}
	return b.Bytes()
}

func TestHostileFiles(t *testing.T) {
	u4, u8 := func(n uint32) uint32 { return n }, func(n uint64) uint64 { return n }
	one := func(dtype, shape, at string) string {
		return `{"x":{"dtype":"` + dtype + `","shape":` + shape + `,"data_offsets":` + at + `}}`
	}
	for name, c := range map[string]struct {
		file []byte
		want string
	}{
		"empty":             {nil, "too few"},
		"short":             {[]byte("abc"), "too few"},
		"header too long":   {binary.LittleEndian.AppendUint64(nil, 1<<63), "a header of"},
		"no object":         {header("[]", 0), "no JSON object"},
		"cut object":        {header(`{"x":`, 0), "malformed"},
		"behind the object": {header(`{} {}`, 0), "goes on"},
		"twice":             {header(`{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"x":{}}`, 0), "twice"},
		"dtype":             {header(one("F7", "[1]", "[0,4]"), 4), `"F7"`},
		"shape of text":     {header(one("F32", `["1"]`, "[0,4]"), 4), `"x"`},
		"negative":          {header(one("F32", "[-1]", "[0,4]"), 4), "dimension -1"},
		"overflow":          {header(one("F32", "[4611686018427387904,4]", "[0,4]"), 4), "overflows"},
		"fraction":          {header(one("F32", "[1.5]", "[0,4]"), 4), `"x"`},
		"too many":          {header(one("U8", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), 1), "9 dimensions"},
		"beyond the end":    {header(one("F32", "[2]", "[0,8]"), 4), "8 bytes at"},
		"before the start":  {header(one("F32", "[1]", "[-4,0]"), 4), "4 bytes at"},
		"reversed":          {header(one("F32", "[1]", "[4,0]"), 4), "4 bytes at"},
		"three offsets":     {header(one("F32", "[1]", "[0,4,8]"), 8), "4 bytes at"},
		"no offsets":        {header(`{"x":{"dtype":"F32","shape":[1]}}`, 4), "4 bytes at"},
		"hole":              {header(one("U8", "[1]", "[1,2]"), 2), "begins at 1"},
		"rest":              {header(one("U8", "[1]", "[0,1]"), 2), "1 of 2 bytes"},
		"overlap":           {header(`{"x":{"dtype":"U8","shape":[2],"data_offsets":[0,2]},"y":{"dtype":"U8","shape":[2],"data_offsets":[1,3]}}`, 3), "begins at 1"},
		"metadata":          {header(`{"__metadata__":{"a":1}}`, 0), `"a"`},

		"gguf alone":         {gguf(), "ends"},
		"gguf 1":             {gguf(u4(1), u4(0), u4(0)), "version 1"},
		"gguf big-endian":    {gguf(u4(3 << 24)), "big-endian"},
		"gguf tensors":       {gguf(u4(3), u8(1<<60), u8(0)), "tensors"},
		"gguf pairs":         {gguf(u4(3), u8(0), u8(1<<60)), "key-value"},
		"gguf string":        {gguf(u4(3), u8(0), u8(1), u8(1<<62), make([]byte, 20)), "ends"},
		"gguf kind":          {gguf(u4(3), u8(0), u8(1), "key", u4(77), make([]byte, 20)), "kind 77"},
		"gguf bool":          {gguf(u4(3), u8(0), u8(1), "key", u4(ggufBool), uint8(2)), "bool of 2"},
		"gguf array":         {gguf(u4(3), u8(0), u8(1), "key", u4(ggufArray), u4(ggufF64), u8(1<<61)), "an array of"},
		"gguf array's end":   {gguf(u4(3), u8(0), u8(1), "key", u4(ggufArray), u4(ggufF64), u8(1<<40)), "ends"},
		"gguf array's kind":  {gguf(u4(3), u8(0), u8(1), "key", u4(ggufArray), u4(77), u8(1)), "kind 77"},
		"gguf strings":       {gguf(u4(3), u8(0), u8(1), "key", u4(ggufArray), u4(ggufString), u8(1<<50)), "strings"},
		"gguf deep":          {gguf(append([]any{u4(3), u8(0), u8(1), "key", u4(ggufArray)}, nested(20)...)...), "deep"},
		"gguf key twice":     {gguf(u4(3), u8(0), u8(2), "key", u4(ggufU8), uint8(1), "key", u4(ggufU8), uint8(1)), "twice"},
		"gguf rank":          {gguf(u4(3), u8(1), u8(0), "x", u4(5), make([]byte, 60)), "5 dimensions"},
		"gguf type":          {gguf(u4(3), u8(1), u8(0), "x", u4(1), u8(32), u4(4), u8(0)), "type 4"},
		"gguf rows":          {gguf(u4(3), u8(1), u8(0), "x", u4(1), u8(33), u4(2), u8(0)), "whole blocks"},
		"gguf dimension":     {gguf(u4(3), u8(1), u8(0), "x", u4(1), u8(1<<63), u4(0), u8(0)), "dimension"},
		"gguf offset":        {gguf(u4(3), u8(1), u8(0), "x", u4(1), u8(1), u4(0), u8(3), make([]byte, 99)), "multiple"},
		"gguf far offset":    {gguf(u4(3), u8(1), u8(0), "x", u4(1), u8(1), u4(0), u8(1<<63), make([]byte, 99)), "4 bytes at"},
		"gguf data's end":    {gguf(u4(3), u8(1), u8(0), "x", u4(1), u8(1<<20), u4(0), u8(0), make([]byte, 99)), "bytes at 0 of"},
		"gguf alignment":     {gguf(u4(3), u8(0), u8(1), "general.alignment", u4(ggufU32), u4(0)), "alignment"},
		"gguf odd alignment": {gguf(u4(3), u8(0), u8(1), "general.alignment", u4(ggufU32), u4(33)), "alignment"},
		"gguf two of a name": {gguf(u4(3), u8(2), u8(0), "x", u4(1), u8(0), u4(0), u8(0), "x", u4(1), u8(0), u4(0), u8(0)), "called"},
		"gguf of a split":    {gguf(u4(3), u8(0), u8(1), "split.count", u4(ggufU16), uint16(3)), "one of 3"},
	} {
		path := filepath.Join(t.TempDir(), "file")
		require.NoError(t, os.WriteFile(path, c.file, 0o600))
		f, err := Open(path)
		require.ErrorIs(t, err, ErrFormat, name)
		require.ErrorContains(t, err, c.want, name)
		require.Nil(t, f)
	}
	_, err := Open(t.TempDir())
	require.Error(t, err, "a directory")
	_, err = Open(filepath.Join(t.TempDir(), "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
}

// nested is the head of arrays in arrays.
func nested(depth int) (parts []any) {
	for range depth {
		parts = append(parts, uint32(ggufArray), uint64(1))
	}
	return append(parts, uint32(ggufU8), uint64(0))
}

func TestShards(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	require.NoError(t, WriteSafetensors(filepath.Join(dir, "1.safetensors"), nil, []Entry{Data("a", U8, []byte{1}, 1)}))
	require.NoError(t, WriteSafetensors(filepath.Join(dir, "2.safetensors"), nil, []Entry{Data("b", U8, []byte{2}, 1)}))
	f, err := Open(write("index.json", `{"metadata":{},"weight_map":{"a":"1.safetensors","b":"2.safetensors"}}`))
	require.NoError(t, err)
	require.Equal(t, []byte{2}, f.Tensor("b").Bytes())
	require.NoError(t, f.Close())
	for text, want := range map[string]string{
		`{`:  "unexpected end",
		`{}`: "without a weight_map",
		`{"weight_map":{"a":"../1.safetensors"}}`: "no plain file name",
		`{"weight_map":{"a":"/etc/passwd"}}`:      "no plain file name",
		`{"weight_map":{"a":".."}}`:               "no plain file name",
		`{"weight_map":{"c":"1.safetensors"}}`:    `the index has "c"`,
		`{"weight_map":{"a":"3.safetensors"}}`:    "no such file",
	} {
		_, err := Open(write("bad.json", text))
		require.ErrorContains(t, err, want)
	}

	split := func(name string, i int, count uint16, es ...Entry) string {
		m := NewMetadata()
		m.Set("split.count", count)
		m.Set("split.no", uint16(i))
		path := filepath.Join(dir, name)
		require.NoError(t, WriteGGUF(path, &m, es))
		return path
	}
	first := split("m-00001-of-00002.gguf", 0, 2, Data("a", I8, []byte{1}, 1))
	_, err = Open(first)
	require.ErrorIs(t, err, os.ErrNotExist)
	split("m-00002-of-00002.gguf", 1, 2, Data("b", I8, []byte{2}, 1))
	g, err := Open(first)
	require.NoError(t, err)
	require.Equal(t, []byte{2}, g.Tensor("b").Bytes())
	require.NoError(t, g.Close())
	_, err = Open(filepath.Join(dir, "m-00002-of-00002.gguf"))
	require.ErrorContains(t, err, "one of 2 files")
}

// A file cut anywhere is an error or a file that can be read whole.
func TestCutFiles(t *testing.T) {
	for _, name := range []string{"testdata/reference.safetensors", "testdata/reference.gguf"} {
		whole, err := os.ReadFile(name)
		require.NoError(t, err)
		for n := range whole {
			if strings.HasSuffix(name, "gguf") {
				_, _, err = parseGGUF(whole[:max(n, 4)])
			} else {
				_, _, err = parseSafetensors(whole[:n])
			}
			require.ErrorIs(t, err, ErrFormat, "%s cut at %d", name, n)
		}
	}
}

// fuzz adds the reference file and cuts of it, and reads every byte of what is accepted.
func fuzz(f *testing.F, name string, parse func([]byte) (Metadata, []*Tensor, error)) {
	whole, err := os.ReadFile(name)
	require.NoError(f, err)
	for n := 8; n <= len(whole); n += 1 + len(whole)/16 {
		f.Add(whole[:n])
	}
	f.Add(whole)
	f.Fuzz(func(t *testing.T, b []byte) {
		_, tensors, err := parse(b)
		if err != nil {
			require.ErrorIs(t, err, ErrFormat)
			return
		}
		for _, x := range tensors {
			size, err := x.Type.Bytes(x.Dims...)
			require.NoError(t, err)
			require.Len(t, x.Bytes(), size)
			_ = x.String()
		}
	})
}

func FuzzSafetensors(f *testing.F) { fuzz(f, "testdata/reference.safetensors", parseSafetensors) }

func FuzzGGUF(f *testing.F) {
	fuzz(f, "testdata/reference.gguf", func(b []byte) (Metadata, []*Tensor, error) {
		if !bytes.HasPrefix(b, []byte(ggufMagic)) {
			return Metadata{}, nil, formatErr("no GGUF")
		}
		return parseGGUF(b)
	})
}
