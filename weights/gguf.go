package weights

import (
	"bytes"
	"encoding/binary"
	"math"
)

// The format of GGUF, versions 2 and 3, little-endian: magic, version, two counts, key-value pairs, descriptions of the
// tensors, padding, the tensors' bytes. https://github.com/ggml-org/ggml/blob/master/docs/gguf.md

const (
	ggufMagic     = "GGUF"
	ggufAlignment = 32
	ggufRank      = 4
	ggufDepth     = 4 // of arrays in arrays
)

// Kinds of GGUF values.
const (
	ggufU8 = iota
	ggufI8
	ggufU16
	ggufI16
	ggufU32
	ggufI32
	ggufF32
	ggufBool
	ggufString
	ggufArray
	ggufU64
	ggufI64
	ggufF64
)

// reader takes values off the front of a file; err is the first thing that was wrong.
type reader struct {
	b   []byte
	pos int
	err error
}

func (r *reader) fail(format string, a ...any) {
	if r.err == nil {
		r.err = formatErr(format, a...)
	}
}

// take is the next n bytes, or nil where there are fewer.
func (r *reader) take(n uint64) []byte {
	if r.err == nil && n > uint64(len(r.b)-r.pos) {
		r.fail("the file ends at byte %d, %d more are wanted at %d", len(r.b), n, r.pos)
	}
	if r.err != nil {
		return nil
	}
	b := r.b[r.pos : r.pos+int(n)]
	r.pos += int(n)
	return b
}

// next is the next value of a fixed size.
func next[T uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64](r *reader) (v T) {
	if b := r.take(uint64(binary.Size(v))); b != nil {
		_, _ = binary.Decode(b, binary.LittleEndian, &v) // b is as long as v
	}
	return v
}

// nextAll is n values of a fixed size.
func nextAll[T uint8 | int8 | uint16 | int16 | uint32 | int32 | uint64 | int64 | float32 | float64](r *reader, n uint64) []T {
	size := uint64(binary.Size(*new(T)))
	if n > math.MaxUint64/size {
		r.fail("an array of %d at %d", n, r.pos)
		return nil
	}
	b := r.take(n * size)
	if b == nil {
		return nil
	}
	v := make([]T, n) // no more than the file has
	_, _ = binary.Decode(b, binary.LittleEndian, v)
	return v
}

func (r *reader) string() string { return string(r.take(next[uint64](r))) }

func (r *reader) bool() bool {
	v := next[uint8](r)
	if v > 1 {
		r.fail("a bool of %d at %d", v, r.pos-1)
	}
	return v == 1
}

// count is a number of things of at least size bytes each, which the rest of the file must have room for.
func (r *reader) count(what string, size uint64) uint64 {
	n := next[uint64](r)
	if left := uint64(len(r.b) - r.pos); r.err == nil && n > left/size {
		r.fail("%d %s in the %d bytes behind %d", n, what, left, r.pos)
		return 0
	}
	return n
}

func (r *reader) value(kind uint32, depth int) any {
	switch kind {
	case ggufU8:
		return next[uint8](r)
	case ggufI8:
		return next[int8](r)
	case ggufU16:
		return next[uint16](r)
	case ggufI16:
		return next[int16](r)
	case ggufU32:
		return next[uint32](r)
	case ggufI32:
		return next[int32](r)
	case ggufF32:
		return next[float32](r)
	case ggufBool:
		return r.bool()
	case ggufString:
		return r.string()
	case ggufArray:
		return r.array(depth)
	case ggufU64:
		return next[uint64](r)
	case ggufI64:
		return next[int64](r)
	case ggufF64:
		return next[float64](r)
	}
	r.fail("a value of kind %d at %d", kind, r.pos)
	return nil
}

func (r *reader) array(depth int) any {
	kind := next[uint32](r)
	switch kind {
	case ggufU8:
		return nextAll[uint8](r, next[uint64](r))
	case ggufI8:
		return nextAll[int8](r, next[uint64](r))
	case ggufU16:
		return nextAll[uint16](r, next[uint64](r))
	case ggufI16:
		return nextAll[int16](r, next[uint64](r))
	case ggufU32:
		return nextAll[uint32](r, next[uint64](r))
	case ggufI32:
		return nextAll[int32](r, next[uint64](r))
	case ggufF32:
		return nextAll[float32](r, next[uint64](r))
	case ggufU64:
		return nextAll[uint64](r, next[uint64](r))
	case ggufI64:
		return nextAll[int64](r, next[uint64](r))
	case ggufF64:
		return nextAll[float64](r, next[uint64](r))
	case ggufBool:
		return each(r, r.count("bools", 1), r.bool)
	case ggufString:
		return each(r, r.count("strings", 8), r.string)
	case ggufArray:
		if depth == 0 {
			r.fail("arrays more than %d deep at %d", ggufDepth, r.pos)
			return nil
		}
		return each(r, r.count("arrays", 12), func() any { return r.array(depth - 1) })
	}
	r.fail("an array of kind %d at %d", kind, r.pos)
	return nil
}

// each reads n values, or fewer where the file is wrong.
func each[T any](r *reader, n uint64, f func() T) []T {
	v := make([]T, 0, min(n, 1<<16))
	for i := uint64(0); i < n && r.err == nil; i++ {
		v = append(v, f())
	}
	return v
}

func parseGGUF(file []byte) (Metadata, []*Tensor, error) {
	r := &reader{b: file, pos: len(ggufMagic)}
	meta := NewMetadata()
	if v := next[uint32](r); r.err == nil && v != 2 && v != 3 {
		if v>>16 != 0 {
			return meta, nil, formatErr("a big-endian GGUF")
		}
		return meta, nil, formatErr("GGUF version %d, want 2 or 3", v)
	}
	tensors, pairs := r.count("tensors", 24), r.count("key-value pairs", 13)
	for i := uint64(0); i < pairs && r.err == nil; i++ {
		key, kind := r.string(), next[uint32](r)
		if meta.Value(key) != nil {
			r.fail("key %q stands there twice", key)
		}
		if v := r.value(kind, ggufDepth); r.err == nil {
			meta.Set(key, v)
		}
	}
	list, offsets := make([]*Tensor, 0, min(tensors, 1<<12)), []uint64(nil)
	for i := uint64(0); i < tensors && r.err == nil; i++ {
		t, offset := r.tensor()
		list, offsets = append(list, t), append(offsets, offset)
	}
	if r.err != nil {
		return meta, nil, r.err
	}
	return meta, list, place(file, r.pos, &meta, list, offsets)
}

// tensor reads a description. GGUF counts dimensions from the innermost.
func (r *reader) tensor() (t *Tensor, offset uint64) {
	t = &Tensor{Name: r.string()}
	rank := next[uint32](r)
	if rank > ggufRank {
		r.fail("tensor %q: %d dimensions", t.Name, rank)
		return t, 0
	}
	shape := nextAll[int64](r, uint64(rank))
	id := next[uint32](r)
	offset = next[uint64](r)
	if r.err != nil {
		return t, 0
	}
	var ok bool
	if t.Type, ok = fromGGML(id); !ok {
		r.fail("tensor %q: type %d is not known", t.Name, id)
		return t, 0
	}
	dims, err := dimsOf(t.Name, shape)
	if err != nil {
		r.err = err
		return t, 0
	}
	for i, j := 0, len(dims)-1; i < j; i, j = i+1, j-1 {
		dims[i], dims[j] = dims[j], dims[i]
	}
	t.Dims = dims
	return t, offset
}

// place finds the tensors' bytes behind the descriptions.
func place(file []byte, end int, meta *Metadata, list []*Tensor, offsets []uint64) error {
	align := uint64(ggufAlignment)
	if v, ok := meta.Value("general.alignment").(uint32); ok {
		if align = uint64(v); v == 0 || v&(v-1) != 0 || v > 1<<20 {
			return formatErr("an alignment of %d", v)
		}
	}
	start := (uint64(end) + align - 1) / align * align
	for i, t := range list {
		size, err := t.Type.Bytes(t.Dims...)
		if err != nil {
			return formatErr("tensor %q: %v", t.Name, err)
		}
		left := uint64(0)
		if start < uint64(len(file)) {
			left = uint64(len(file)) - start
		}
		switch at := offsets[i]; {
		case at%align != 0:
			return formatErr("tensor %q: offset %d is no multiple of %d", t.Name, at, align)
		case at > left || uint64(size) > left-at:
			return formatErr("tensor %q: %d bytes at %d of %d", t.Name, size, at, left)
		default:
			t.data = file[min(start+at, uint64(len(file))):][:size:size]
		}
	}
	return nil
}

// put appends a value in GGUF's encoding, and reports false for a Go type that has none.
func put(b *bytes.Buffer, v any) (kind uint32, ok bool) {
	number := func(kind uint32, v any) (uint32, bool) {
		_ = binary.Write(b, binary.LittleEndian, v) // a buffer takes everything
		return kind, true
	}
	switch v := v.(type) {
	case uint8:
		return number(ggufU8, v)
	case int8:
		return number(ggufI8, v)
	case uint16:
		return number(ggufU16, v)
	case int16:
		return number(ggufI16, v)
	case uint32:
		return number(ggufU32, v)
	case int32:
		return number(ggufI32, v)
	case float32:
		return number(ggufF32, v)
	case bool:
		return number(ggufBool, v)
	case string:
		putString(b, v)
		return ggufString, true
	case uint64:
		return number(ggufU64, v)
	case int64:
		return number(ggufI64, v)
	case float64:
		return number(ggufF64, v)
	case []string:
		return putArray(b, v)
	case []any:
		return putArray(b, v)
	case []bool:
		return putArray(b, v)
	case []uint8:
		return putArray(b, v)
	case []int8:
		return putArray(b, v)
	case []uint16:
		return putArray(b, v)
	case []int16:
		return putArray(b, v)
	case []uint32:
		return putArray(b, v)
	case []int32:
		return putArray(b, v)
	case []float32:
		return putArray(b, v)
	case []uint64:
		return putArray(b, v)
	case []int64:
		return putArray(b, v)
	case []float64:
		return putArray(b, v)
	}
	return 0, false
}

func putString(b *bytes.Buffer, s string) {
	_ = binary.Write(b, binary.LittleEndian, uint64(len(s)))
	b.WriteString(s)
}

// putArray writes the kind of the elements, their number, and them. An empty array of any is one of arrays.
func putArray[T any](b *bytes.Buffer, v []T) (uint32, bool) {
	var all bytes.Buffer
	kind, ok := put(&bytes.Buffer{}, any(*new(T)))
	if !ok {
		kind = ggufArray
	}
	for _, x := range v {
		k, ok := put(&all, any(x))
		if !ok || k != kind {
			return 0, false
		}
	}
	_ = binary.Write(b, binary.LittleEndian, kind)
	_ = binary.Write(b, binary.LittleEndian, uint64(len(v)))
	b.Write(all.Bytes())
	return ggufArray, true
}
