package weights

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tandem-compute/tandem"
)

// ErrFormat is the kind of every error about a file's content.
var ErrFormat = errors.New("malformed weights")

func formatErr(format string, a ...any) error {
	return fmt.Errorf("%w: %s", ErrFormat, fmt.Sprintf(format, a...))
}

// File is an open file of weights, or a set of shards. It may be used from several goroutines.
type File struct {
	Format   string // safetensors or gguf
	Metadata Metadata

	tensors []*Tensor
	byName  map[string]*Tensor
	maps    []*mapping
}

// Tensor is one tensor of a file. Its bytes lie in the file until they are read.
type Tensor struct {
	Name string
	Type Type
	Dims []int // the last one is contiguous

	data []byte
	in   *mapping
}

// Open opens a file of weights: safetensors, GGUF, or the JSON index of a sharded model, whose shards lie beside it. The
// first of several GGUF shards opens them all.
func Open(path string) (*File, error) {
	f, err := open(path)
	if err != nil {
		return nil, fmt.Errorf("weights: %s: %w", path, err)
	}
	return f, nil
}

func open(path string) (*File, error) {
	if strings.HasSuffix(path, ".json") {
		return openIndex(path)
	}
	f := &File{byName: map[string]*Tensor{}}
	if err := f.add(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	if err := f.addSplits(path); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// add maps one file and enters its tensors.
func (f *File) add(path string) error {
	m, err := mapFile(path)
	if err != nil {
		return err
	}
	f.maps = append(f.maps, m)
	parse, format := parseSafetensors, "safetensors"
	if strings.HasPrefix(string(m.data[:min(4, len(m.data))]), ggufMagic) {
		parse, format = parseGGUF, "gguf"
	}
	if f.Format != "" && f.Format != format {
		return formatErr("a %s shard among %s", format, f.Format)
	}
	f.Format = format
	meta, tensors, err := parse(m.data)
	if err != nil {
		return err
	}
	for _, t := range tensors {
		if f.byName[t.Name] != nil {
			return formatErr("two tensors are called %q", t.Name)
		}
		t.in = m
		f.byName[t.Name] = t
		f.tensors = append(f.tensors, t)
	}
	if f.Metadata.keys == nil {
		f.Metadata = meta
	}
	return nil
}

// Tensors are the file's tensors in its order. The slice is the caller's.
func (f *File) Tensors() []*Tensor { return slices.Clone(f.tensors) }

// Tensor is the tensor of a name, or nil.
func (f *File) Tensor(name string) *Tensor { return f.byName[name] }

// Find is Tensor, with an error that names what is missing and what is near it.
func (f *File) Find(name string) (*Tensor, error) {
	if t := f.byName[name]; t != nil {
		return t, nil
	}
	var near []string
	for _, t := range f.tensors {
		if strings.HasSuffix(t.Name, filepath.Ext(name)) && len(near) < 3 {
			near = append(near, t.Name)
		}
	}
	return nil, fmt.Errorf("weights: no tensor %q among %d, such as %q", name, len(f.tensors), near)
}

// Close unmaps the file; what Tensor.Bytes returned is invalid from then on.
func (f *File) Close() error {
	var errs []error
	for _, m := range f.maps {
		errs = append(errs, m.close())
	}
	f.maps, f.tensors, f.byName = nil, nil, nil
	return errors.Join(errs...)
}

// Bytes is the tensor as it lies in the file, until the file is closed. It must not be written to.
func (t *Tensor) Bytes() []byte { return t.data }

// WriteTo writes the tensor's bytes.
func (t *Tensor) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(t.data)
	return int64(n), err
}

// Elems is the number of elements.
func (t *Tensor) Elems() int {
	n := 1
	for _, d := range t.Dims {
		n *= d
	}
	return n
}

// String is like blk.0.attn_q.weight q4_0[576,576].
func (t *Tensor) String() string {
	return fmt.Sprintf("%s %v%s", t.Name, t.Type, strings.ReplaceAll(fmt.Sprint(t.Dims), " ", ","))
}

// Load copies the tensor to a device. Types that are no plain numbers of a device must be dequantised first.
func (t *Tensor) Load(dev *tandem.Device) (tandem.Tensor, error) {
	d := t.Type.DType()
	if d == 0 {
		return tandem.Tensor{}, fmt.Errorf("weights: %v: %w: a device has no %v", t, tandem.ErrUnsupported, t.Type)
	}
	x, err := tandem.Empty(dev, d, t.Dims...)
	if err != nil {
		return x, fmt.Errorf("weights: %v: %w", t, err)
	}
	if err := tandem.WriteBytes(x, t.data); err != nil {
		return tandem.Tensor{}, errors.Join(fmt.Errorf("weights: %v: %w", t, err), x.Close())
	}
	return x, nil
}

// Release tells the system that the tensor's pages are not needed for now; reading them again costs a read of the file.
func (t *Tensor) Release() error { return t.in.release(t.data) }
