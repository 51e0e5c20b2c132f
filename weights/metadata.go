package weights

import (
	"fmt"
	"slices"
)

// Metadata is what a file says beside its tensors: of safetensors strings, of GGUF also numbers, bools and arrays of
// these. Keys keep the file's order.
type Metadata struct {
	keys   []string
	values map[string]any
}

// NewMetadata is an empty one to be filled by Set.
func NewMetadata() Metadata { return Metadata{values: map[string]any{}} }

// Set sets a key to a value: a string, a bool, an integer or float of a fixed size, or a slice of one of these.
func (m *Metadata) Set(key string, value any) {
	if m.values == nil {
		m.values = map[string]any{}
	}
	if _, ok := m.values[key]; !ok {
		m.keys = append(m.keys, key)
	}
	m.values[key] = value
}

// Keys are the keys in order. The slice is the caller's.
func (m *Metadata) Keys() []string { return slices.Clone(m.keys) }

// Value is the value of a key, nil where there is none.
func (m *Metadata) Value(key string) any { return m.values[key] }

// Get is the value of a key as T. An integer of any size is given as int, a float as float64, also within slices, where
// T asks for these.
func Get[T any](m *Metadata, key string) (v T, err error) {
	raw, ok := m.values[key]
	if !ok {
		return v, fmt.Errorf("weights: no metadata %q", key)
	}
	if v, ok = raw.(T); ok {
		return v, nil
	}
	if v, ok = widen(raw).(T); ok {
		return v, nil
	}
	return v, fmt.Errorf("weights: metadata %q is %T, want %T", key, raw, v)
}

// widen is an integer as int, a float32 as float64, slices of these alike, and nil for what does not fit.
func widen(v any) any {
	switch v := v.(type) {
	case uint8:
		return int(v)
	case int8:
		return int(v)
	case uint16:
		return int(v)
	case int16:
		return int(v)
	case uint32:
		return int(v)
	case int32:
		return int(v)
	case int64:
		return int(v)
	case uint64:
		if v <= 1<<63-1 {
			return int(v)
		}
	case float32:
		return float64(v)
	case []uint8:
		return widenAll[uint8, int](v)
	case []int8:
		return widenAll[int8, int](v)
	case []uint16:
		return widenAll[uint16, int](v)
	case []int16:
		return widenAll[int16, int](v)
	case []uint32:
		return widenAll[uint32, int](v)
	case []int32:
		return widenAll[int32, int](v)
	case []int64:
		return widenAll[int64, int](v)
	case []float32:
		return widenAll[float32, float64](v)
	}
	return nil
}

func widenAll[F uint8 | int8 | uint16 | int16 | uint32 | int32 | int64 | float32, T int | float64](v []F) []T {
	out := make([]T, len(v))
	for i, x := range v {
		out[i] = T(x)
	}
	return out
}
