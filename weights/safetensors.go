package weights

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"slices"
)

// The format of safetensors: eight bytes with the length of a JSON header, the header, then the tensors' bytes, without
// holes. https://huggingface.co/docs/safetensors

// maxHeader is the longest header, as the reference implementation has it.
const maxHeader = 100_000_000

// entry is what the header says of a tensor.
type entry struct {
	DType   string  `json:"dtype"`
	Shape   []int64 `json:"shape"`
	Offsets []int64 `json:"data_offsets"`
}

func parseSafetensors(file []byte) (meta Metadata, tensors []*Tensor, err error) {
	if len(file) < 8 {
		return meta, nil, formatErr("%d bytes, too few for safetensors or GGUF", len(file))
	}
	n := binary.LittleEndian.Uint64(file)
	if n > maxHeader || n > uint64(len(file)-8) {
		return meta, nil, formatErr("a header of %d bytes in a file of %d", n, len(file))
	}
	header, data := file[8:8+n], file[8+n:]
	if len(header) == 0 || header[0] != '{' {
		return meta, nil, formatErr("the header is no JSON object")
	}
	meta = NewMetadata()
	starts := map[*Tensor]int{}
	err = eachField(header, func(name string, d *json.Decoder) error {
		if name == "__metadata__" {
			return eachString(d, meta.Set)
		}
		var e entry
		if err := d.Decode(&e); err != nil {
			return formatErr("tensor %q: %v", name, err)
		}
		t, err := e.tensor(name, data)
		if err != nil {
			return err
		}
		tensors, starts[t] = append(tensors, t), int(e.Offsets[0])
		return nil
	})
	if err != nil {
		return meta, nil, err
	}
	return meta, tensors, whole(tensors, starts, len(data))
}

// tensor checks an entry against the file's data.
func (e *entry) tensor(name string, data []byte) (*Tensor, error) {
	typ, ok := fromSafetensors(e.DType)
	if !ok {
		return nil, formatErr("tensor %q: dtype %q is not known", name, e.DType)
	}
	dims, err := dimsOf(name, e.Shape)
	if err != nil {
		return nil, err
	}
	size, err := typ.Bytes(dims...)
	if err != nil {
		return nil, formatErr("tensor %q: %v", name, err)
	}
	if len(e.Offsets) != 2 || e.Offsets[0] < 0 || e.Offsets[1] > int64(len(data)) || e.Offsets[1]-e.Offsets[0] != int64(size) {
		return nil, formatErr("tensor %q: %d bytes at %v of %d", name, size, e.Offsets, len(data))
	}
	return &Tensor{Name: name, Type: typ, Dims: dims, data: data[e.Offsets[0]:e.Offsets[1]:e.Offsets[1]]}, nil
}

const maxRank = 8

func dimsOf(name string, shape []int64) ([]int, error) {
	if len(shape) > maxRank {
		return nil, formatErr("tensor %q: %d dimensions", name, len(shape))
	}
	dims := make([]int, len(shape))
	for i, d := range shape {
		if d < 0 || d > math.MaxInt {
			return nil, formatErr("tensor %q: dimension %d", name, d)
		}
		dims[i] = int(d)
	}
	return dims, nil
}

// whole refuses holes and overlaps: every byte of the data belongs to one tensor.
func whole(tensors []*Tensor, starts map[*Tensor]int, size int) error {
	byStart := slices.Clone(tensors)
	slices.SortStableFunc(byStart, func(a, b *Tensor) int {
		return cmp.Or(cmp.Compare(starts[a], starts[b]), cmp.Compare(len(a.data), len(b.data)))
	})
	at := 0
	for _, t := range byStart {
		if starts[t] != at {
			return formatErr("tensor %q begins at %d, the one before ends at %d", t.Name, starts[t], at)
		}
		at += len(t.data)
	}
	if at != size {
		return formatErr("the tensors have %d of %d bytes", at, size)
	}
	return nil
}

// eachField calls f for every field of a JSON object, which may not name one twice; f reads the value.
func eachField(object []byte, f func(name string, d *json.Decoder) error) error {
	d := json.NewDecoder(bytes.NewReader(object))
	if err := fields(d, f); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF { // padding is spaces
		return formatErr("the header goes on behind its object")
	}
	return nil
}

func fields(d *json.Decoder, f func(name string, d *json.Decoder) error) error {
	seen := map[string]bool{}
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return formatErr("want a JSON object: %v", err)
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return formatErr("%v", err)
		}
		name, _ := t.(string) // the decoder lets nothing else be a key
		if seen[name] {
			return formatErr("%q stands there twice", name)
		}
		seen[name] = true
		if err := f(name, d); err != nil {
			return err
		}
	}
	if _, err := d.Token(); err != nil {
		return formatErr("%v", err)
	}
	return nil
}

// eachString reads an object of strings.
func eachString(d *json.Decoder, set func(key string, value any)) error {
	return fields(d, func(key string, d *json.Decoder) error {
		var v string
		if err := d.Decode(&v); err != nil {
			return formatErr("metadata %q: %v", key, err)
		}
		set(key, v)
		return nil
	})
}
