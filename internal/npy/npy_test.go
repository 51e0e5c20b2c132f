package npy_test

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/internal/npy"
)

// file is a .npy file of a version, with a header as given.
func file(major byte, header, data string) string {
	b := append([]byte("\x93NUMPY"), major, 0)
	if major == 1 {
		b = binary.LittleEndian.AppendUint16(b, uint16(len(header)))
	} else {
		b = binary.LittleEndian.AppendUint32(b, uint32(len(header)))
	}
	return string(b) + header + data
}

// What NumPy 2 writes for np.save("x.npy", np.arange(6, dtype="<i2").reshape(2, 3)).
var saved = "\x93NUMPY\x01\x00v\x00{'descr': '<i2', 'fortran_order': False, 'shape': (2, 3), }" + strings.Repeat(" ", 58) + "\n" +
	"\x00\x00\x01\x00\x02\x00\x03\x00\x04\x00\x05\x00"

func TestReadWhatNumPyWrites(t *testing.T) {
	a, err := npy.Read(strings.NewReader(saved))
	require.NoError(t, err)
	require.Equal(t, &npy.Array{DType: "<i2", Shape: []int{2, 3}, Data: []byte{0, 0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0}}, a)
	var b bytes.Buffer
	require.NoError(t, npy.Write(&b, a))
	require.Equal(t, saved, b.String(), "and it writes the same bytes")
}

func TestVersionsAndSpellings(t *testing.T) {
	for _, header := range []string{
		"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}\n",
		`{"shape":(1,2,),"fortran_order":False,"descr":"<f4",}   `,
		"\t{ 'fortran_order' : False , 'shape' : ( 1 , 2 ) , 'descr' : '<f4' }",
	} {
		for major := byte(1); major <= 3; major++ {
			a, err := npy.Read(strings.NewReader(file(major, header, "01234567 and more")))
			require.NoError(t, err, header)
			require.Equal(t, &npy.Array{DType: "<f4", Shape: []int{1, 2}, Data: []byte("01234567")}, a)
		}
	}
}

func TestRoundTrip(t *testing.T) {
	for _, a := range []npy.Array{
		{DType: "<f8", Shape: []int{}, Data: []byte("01234567")},
		{DType: "|u1", Shape: []int{5}, Data: []byte("abcde")},
		{DType: "<V2", Shape: []int{1, 3}, Data: []byte("aabbcc")},
		{DType: "<f4", Shape: []int{7, 0, 2}, Data: []byte{}},
		{DType: "|b1", Shape: []int{1, 1, 1, 1, 1, 1, 1, 2}, Data: []byte{0, 1}},
		{DType: "<c16", Shape: []int{1}, Data: make([]byte, 16)},
		{DType: "|u1", Shape: []int{1 << 20}, Data: make([]byte, 1<<20)},
	} {
		var b bytes.Buffer
		require.NoError(t, npy.Write(&b, &a))
		require.Zero(t, (b.Len()-len(a.Data))%64, "the data is aligned")
		got, err := npy.Read(&b)
		require.NoError(t, err)
		require.Equal(t, a, *got)
	}
}

func TestWriteRefusesWhatDoesNotFit(t *testing.T) {
	for want, a := range map[string]npy.Array{
		"3 bytes of data":    {DType: "<f4", Shape: []int{1}, Data: []byte("abc")},
		"unknown dtype":      {DType: "float32", Shape: []int{0}},
		"negative dimension": {DType: "<f4", Shape: []int{-1}},
	} {
		require.ErrorContains(t, npy.Write(io.Discard, &a), want)
	}
}

func head(descr, order, shape string) string {
	return fmt.Sprintf("{'descr': %s, 'fortran_order': %s, 'shape': %s, }", descr, order, shape)
}

func TestRefused(t *testing.T) {
	plain := head("'<f4'", "False", "(2,)")
	for want, text := range map[string]string{
		"its first bytes are others":  strings.Repeat("x", 100),
		"unexpected EOF":              "\x93NUM",
		"length of the header":        "\x93NUMPY\x01\x00\x10",
		"header: 0 of 16 bytes":       "\x93NUMPY\x01\x00\x10\x00",
		"version 4.0":                 file(4, plain, ""),
		"header of 4294967295 bytes":  "\x93NUMPY\x02\x00\xff\xff\xff\xff",
		"4 of 8 bytes":                file(1, plain, "abcd"),
		"0 of 4611686018427387904":    file(1, head("'<f4'", "False", "(1152921504606846976,)"), ""),
		"too many bytes":              file(1, head("'<f8'", "False", "(4294967296, 4294967296)"), ""),
		"too large":                   file(1, head("'<f8'", "False", "(99999999999999999999,)"), ""),
		"negative dimension":          file(1, head("'<f8'", "False", "(3, -1)"), ""),
		"65 dimensions":               file(1, head("'<f8'", "False", "("+strings.Repeat("0,", 65)+")"), ""),
		"Fortran order":               file(1, head("'<f4'", "True", "(2,)"), ""),
		"True or False":               file(1, head("'<f4'", "0", "(2,)"), ""),
		"big-endian":                  file(1, head("'>f4'", "False", "(2,)"), ""),
		"Python objects":              file(1, head("'|O8'", "False", "(2,)"), ""),
		"structured":                  file(1, head("[('a', '<f4')]", "False", "(2,)"), ""),
		`unknown dtype "<f3"`:         file(1, head("'<f3'", "False", "(2,)"), ""),
		`unknown dtype "<f04"`:        file(1, head("'<f04'", "False", "(2,)"), ""),
		`unknown dtype "<M8[ns]"`:     file(1, head("'<M8[ns]'", "False", "(2,)"), ""),
		"no byte order":               file(1, head("'|f4'", "False", "(2,)"), ""),
		"is no string":                file(1, `{'des`, ""),
		"where a string is wanted":    file(1, `{descr: 3}`, ""),
		"where \"{\" is wanted":       file(1, "", ""),
		"where \":\" is wanted":       file(1, "{'descr', 3}", ""),
		"where a dimension is wanted": file(1, head("'<f4'", "False", "(2, x)"), ""),
		"unknown key":                 file(1, "{'colour': 'red'}", ""),
		"comes twice":                 file(1, "{'descr': '<f4', 'descr': '<f4'}", ""),
		"lacks one of":                file(1, "{'descr': '<f4', 'shape': ()}", ""),
		"behind the dictionary":       file(1, plain+" + 1", ""),
	} {
		a, err := npy.Read(strings.NewReader(text))
		require.ErrorContains(t, err, want, "%q", text)
		require.Nil(t, a)
	}
}

func TestReadFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.npy")
	require.NoError(t, os.WriteFile(path, []byte(saved), 0o644))
	a, err := npy.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, []int{2, 3}, a.Shape)
	require.NoError(t, os.WriteFile(path, []byte(saved+"x"), 0o644))
	_, err = npy.ReadFile(path)
	require.ErrorContains(t, err, "goes on behind its array")
	require.ErrorContains(t, err, path)
	require.NoError(t, os.WriteFile(path, nil, 0o644))
	_, err = npy.ReadFile(path)
	require.ErrorContains(t, err, path)
	_, err = npy.ReadFile(path + ".none")
	require.ErrorIs(t, err, os.ErrNotExist)
}

// Whatever is read can be written, and reads the same again.
func FuzzRead(f *testing.F) {
	f.Add([]byte(saved))
	for _, header := range []string{
		head("'<f4'", "False", "(2,)"), head("'>f4'", "False", "()"), head("[('a', 'b')]", "True", "(99999999999999999999, -1)"),
		"{'descr': \"|V2\"", "{'shape': (1,,)}", "{}",
	} {
		f.Add([]byte(file(1, header, "12345678")))
		f.Add([]byte(file(2, header, "12345678")))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := npy.Read(bytes.NewReader(b))
		if err != nil {
			return
		}
		require.LessOrEqual(t, len(a.Data), len(b))
		var w bytes.Buffer
		require.NoError(t, npy.Write(&w, a))
		again, err := npy.Read(&w)
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
}
