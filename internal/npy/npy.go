// Package npy reads and writes NumPy's .npy files: one array of fixed-size elements, in C order and little endian.
//
// Versions 1.0, 2.0 and 3.0 are read; they differ in the size and encoding of the header alone. Arrays in Fortran order,
// big-endian and structured ones and Python objects are refused. The bytes of the elements are handed over as they lie
// in the file. The format has no name for bfloat16; such arrays are written as <V2, raw elements of two bytes, which is
// how Python's ml_dtypes writes them.
package npy

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"strconv"
	"strings"
)

// Limits of what is read: of the header's bytes, and of an array's dimensions, which NumPy limits, too.
const (
	maxHeader = 1 << 16
	maxRank   = 64
)

const magic = "\x93NUMPY"

// Array is an array as a file holds it.
type Array struct {
	DType string // NumPy's descr, such as <f4, <i8 or |u1
	Shape []int  // no dimensions: a single element
	Data  []byte // elements in C order, little endian
}

// kinds are the sizes that elements of a kind may have: b is bool, i and u are integers, f is a float, c is complex.
var kinds = map[byte][]int{'b': {1}, 'i': {1, 2, 4, 8}, 'u': {1, 2, 4, 8}, 'f': {2, 4, 8}, 'c': {8, 16}, 'V': {1, 2, 4, 8, 16}}

// ItemSize returns the bytes of an element of a dtype, or says why arrays of it are not read.
func ItemSize(dtype string) (int, error) {
	if len(dtype) < 3 || strings.IndexByte("<>|", dtype[0]) < 0 {
		return 0, fmt.Errorf("npy: unknown dtype %q", dtype)
	}
	size, err := strconv.Atoi(dtype[2:])
	known := false
	for _, n := range kinds[dtype[1]] {
		known = known || n == size
	}
	switch {
	case dtype[1] == 'O':
		return 0, fmt.Errorf("npy: dtype %q holds Python objects", dtype)
	case err != nil || !known || dtype[2] == '+' || dtype[2] == '0':
		return 0, fmt.Errorf("npy: unknown dtype %q", dtype)
	case dtype[0] == '>' && size > 1:
		return 0, fmt.Errorf("npy: dtype %q is big-endian; a.astype(a.dtype.newbyteorder('<')) turns it", dtype)
	case dtype[0] == '|' && size > 1 && dtype[1] != 'V':
		return 0, fmt.Errorf("npy: dtype %q has no byte order", dtype)
	}
	return size, nil
}

// size is the bytes of an array.
func size(dtype string, shape []int) (int, error) {
	n, err := ItemSize(dtype)
	if err != nil {
		return 0, err
	}
	if len(shape) > maxRank {
		return 0, fmt.Errorf("npy: %d dimensions, at most %d are read", len(shape), maxRank)
	}
	empty := false
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("npy: shape %v has a negative dimension", shape)
		}
		empty = empty || d == 0
	}
	for _, d := range shape {
		if empty {
			return 0, nil
		}
		if d > math.MaxInt/n {
			return 0, fmt.Errorf("npy: shape %v of %s has too many bytes", shape, dtype)
		}
		n *= d
	}
	return n, nil
}

// Read reads one array and nothing behind it. It allocates no more than the reader delivers, whatever the header claims.
func Read(r io.Reader) (*Array, error) {
	a, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	n, err := size(a.DType, a.Shape)
	if err != nil {
		return nil, err
	}
	if a.Data, err = readBytes(r, n); err != nil {
		return nil, fmt.Errorf("npy: data of shape %v, %s: %w", a.Shape, a.DType, err)
	}
	return a, nil
}

// readBytes reads n bytes; its buffer grows as they come.
func readBytes(r io.Reader, n int) ([]byte, error) {
	var b bytes.Buffer
	got, err := io.CopyN(&b, r, int64(n))
	if errors.Is(err, io.EOF) {
		err = fmt.Errorf("%d of %d bytes: %w", got, n, io.ErrUnexpectedEOF)
	}
	return b.Bytes(), err
}

func readHeader(r io.Reader) (*Array, error) {
	var start [len(magic) + 2]byte
	if _, err := io.ReadFull(r, start[:]); err != nil {
		return nil, fmt.Errorf("npy: %w", err)
	}
	if string(start[:len(magic)]) != magic {
		return nil, errors.New("npy: no .npy file: its first bytes are others")
	}
	major, minor := start[len(magic)], start[len(magic)+1]
	if major < 1 || major > 3 || minor != 0 {
		return nil, fmt.Errorf("npy: version %d.%d is not known", major, minor)
	}
	width := 4
	if major == 1 {
		width = 2
	}
	var length [4]byte
	if _, err := io.ReadFull(r, length[:width]); err != nil {
		return nil, fmt.Errorf("npy: length of the header: %w", err)
	}
	n := binary.LittleEndian.Uint32(length[:])
	if n > maxHeader {
		return nil, fmt.Errorf("npy: header of %d bytes, at most %d are read", n, maxHeader)
	}
	text, err := readBytes(r, int(n))
	if err != nil {
		return nil, fmt.Errorf("npy: header: %w", err)
	}
	return parseHeader(string(text))
}

// Write writes an array as version 1.0.
func Write(w io.Writer, a *Array) error {
	n, err := size(a.DType, a.Shape)
	if err != nil {
		return err
	}
	if n != len(a.Data) {
		return fmt.Errorf("npy: %d bytes of data for shape %v of %s, which has %d", len(a.Data), a.Shape, a.DType, n)
	}
	_, err = w.Write(append(header(a), a.Data...))
	return err
}

// header is everything in front of the data, whose length is a multiple of 64.
func header(a *Array) []byte {
	dims := make([]string, len(a.Shape))
	for i, d := range a.Shape {
		dims[i] = strconv.Itoa(d)
	}
	if len(dims) == 1 {
		dims = append(dims, "") // a tuple of one has a comma
	}
	text := fmt.Sprintf("{'descr': '%s', 'fortran_order': False, 'shape': (%s), }", a.DType, strings.TrimSuffix(strings.Join(dims, ", "), " "))
	const fixed = len(magic) + 2 + 2
	text += strings.Repeat(" ", 63-(fixed+len(text))%64) + "\n"
	b := append([]byte(magic), 1, 0)
	return append(binary.LittleEndian.AppendUint16(b, uint16(len(text))), text...)
}

// ReadFile reads a file that holds one array.
func ReadFile(path string) (*Array, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	a, err := Read(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	switch n, err := f.Read(make([]byte, 1)); {
	case n > 0:
		return nil, fmt.Errorf("%s: npy: the file goes on behind its array", path)
	case !errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}
