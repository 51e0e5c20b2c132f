package weights

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Entry is a tensor to be written: what WriteTo writes is Type's bytes of Dims, row-major. A *Tensor's is its Entry.
type Entry struct {
	Name    string
	Type    Type
	Dims    []int
	WriteTo func(io.Writer) (int64, error)
}

// Entry is t to be written to another file, from the pages of its own.
func (t *Tensor) Entry() Entry { return Entry{t.Name, t.Type, t.Dims, t.WriteTo} }

// Data is an entry of bytes in memory.
func Data(name string, t Type, data []byte, dims ...int) Entry {
	return Entry{name, t, dims, func(w io.Writer) (int64, error) {
		n, err := w.Write(data)
		return int64(n), err
	}}
}

// WriteSafetensors writes a file of tensors, largest elements first as the format's own library does, with metadata of
// strings, which may be nil. The file appears whole or not at all.
func WriteSafetensors(path string, metadata map[string]string, entries []Entry) error {
	entries = slices.Clone(entries)
	slices.SortStableFunc(entries, func(a, b Entry) int {
		_, x := a.Type.Block()
		_, y := b.Type.Block()
		return y - x
	})
	header, err := safetensorsHeader(metadata, entries)
	if err == nil {
		err = atomically(path, func(w io.Writer) error {
			if _, err := w.Write(header); err != nil {
				return err
			}
			return writeAll(w, entries, 1)
		})
	}
	if err != nil {
		return fmt.Errorf("weights: writing %s: %w", path, err)
	}
	return nil
}

// safetensorsHeader is the length and the JSON, padded to eight bytes.
func safetensorsHeader(metadata map[string]string, entries []Entry) ([]byte, error) {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	b.WriteByte('{')
	field := func(name string, v any) error {
		if b.Len() > 9 {
			b.WriteByte(',')
		}
		key, err := json.Marshal(name)
		if err != nil {
			return err
		}
		value, err := json.Marshal(v)
		b.Write(append(append(key, ':'), value...))
		return err
	}
	if len(metadata) > 0 {
		if err := field("__metadata__", metadata); err != nil {
			return nil, err
		}
	}
	at, seen := int64(0), map[string]bool{"__metadata__": true}
	for _, e := range entries {
		size, err := e.check(seen)
		if err != nil {
			return nil, err
		}
		if !e.Type.valid() || kinds[e.Type].safetensors == "" {
			return nil, formatErr("tensor %q: safetensors has no %v", e.Name, e.Type)
		}
		shape := make([]int64, len(e.Dims))
		for i, d := range e.Dims {
			shape[i] = int64(d)
		}
		if err := field(e.Name, entry{kinds[e.Type].safetensors, shape, []int64{at, at + int64(size)}}); err != nil {
			return nil, err
		}
		at += int64(size)
	}
	b.WriteByte('}')
	b.WriteString(strings.Repeat(" ", -b.Len()&7))
	binary.LittleEndian.PutUint64(b.Bytes(), uint64(b.Len()-8))
	if b.Len()-8 > maxHeader {
		return nil, formatErr("a header of %d bytes", b.Len()-8)
	}
	return b.Bytes(), nil
}

// check is the size of e, whose name must be new.
func (e *Entry) check(seen map[string]bool) (int, error) {
	if seen[e.Name] {
		return 0, formatErr("two tensors are called %q", e.Name)
	}
	seen[e.Name] = true
	size, err := e.Type.Bytes(e.Dims...)
	if err != nil {
		return 0, fmt.Errorf("tensor %q: %w", e.Name, err)
	}
	return size, nil
}

// WriteGGUF writes a GGUF file, version 3. Metadata may be nil. The file appears whole or not at all.
func WriteGGUF(path string, metadata *Metadata, entries []Entry) error {
	header, err := ggufHeader(metadata, entries)
	if err == nil {
		err = atomically(path, func(w io.Writer) error {
			if _, err := w.Write(header); err != nil {
				return err
			}
			return writeAll(w, entries, ggufAlignment)
		})
	}
	if err != nil {
		return fmt.Errorf("weights: writing %s: %w", path, err)
	}
	return nil
}

func ggufHeader(metadata *Metadata, entries []Entry) ([]byte, error) {
	var b bytes.Buffer
	number := func(v any) { _ = binary.Write(&b, binary.LittleEndian, v) } // a buffer takes everything
	b.WriteString(ggufMagic)
	number(uint32(3))
	number(uint64(len(entries)))
	if metadata == nil {
		metadata = &Metadata{}
	}
	keys := slices.DeleteFunc(metadata.Keys(), func(k string) bool { return k == "general.alignment" }) // ours is the default
	number(uint64(len(keys)))
	for _, key := range keys {
		var v bytes.Buffer
		kind, ok := put(&v, metadata.Value(key))
		if !ok {
			return nil, formatErr("metadata %q: GGUF has no %T", key, metadata.Value(key))
		}
		putString(&b, key)
		number(kind)
		b.Write(v.Bytes())
	}
	at, seen := uint64(0), map[string]bool{}
	for _, e := range entries {
		size, err := e.check(seen)
		if err != nil {
			return nil, err
		}
		if len(e.Dims) > ggufRank || kinds[e.Type].ggml < 0 {
			return nil, formatErr("tensor %q: GGUF has no %v of %d dimensions", e.Name, e.Type, len(e.Dims))
		}
		putString(&b, e.Name)
		number(uint32(len(e.Dims)))
		for i := len(e.Dims) - 1; i >= 0; i-- {
			number(uint64(e.Dims[i]))
		}
		number(uint32(kinds[e.Type].ggml))
		number(at)
		at += (uint64(size) + ggufAlignment - 1) / ggufAlignment * ggufAlignment
	}
	b.Write(make([]byte, -b.Len()&(ggufAlignment-1)))
	return b.Bytes(), nil
}

// writeAll writes the entries' bytes, each padded to a multiple of align.
func writeAll(w io.Writer, entries []Entry, align int) error {
	for _, e := range entries {
		size, err := e.Type.Bytes(e.Dims...)
		if err != nil {
			return err
		}
		n, err := e.WriteTo(w)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", e.Name, err)
		}
		if n != int64(size) {
			return formatErr("tensor %q: %d bytes were written, want %d", e.Name, n, size)
		}
		if _, err := w.Write(make([]byte, (align-size%align)%align)); err != nil {
			return err
		}
	}
	return nil
}

// atomically writes a file beside path and renames it when its bytes are on the disk. Whatever fails, what was at path is
// still there and the half file is gone.
func atomically(path string, write func(io.Writer) error) (err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.Close() // the first error is the one that matters
			_ = os.Remove(f.Name())
		}
	}()
	w := bufio.NewWriterSize(f, 1<<20)
	if err := write(w); err != nil {
		return err
	}
	if err := errors.Join(w.Flush(), f.Chmod(0o644), f.Sync()); err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return err
	}
	syncDir(filepath.Dir(path))
	return nil
}

// syncDir makes a rename last, where the system can: the file is whole either way.
func syncDir(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = d.Sync()
		_ = d.Close()
	}
}

func sortedKeys(m map[string]string) []string { return slices.Sorted(maps.Keys(m)) }
