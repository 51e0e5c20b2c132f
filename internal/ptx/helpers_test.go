package ptx

import (
	"encoding/binary"
	"os"
	"reflect"
	"testing"

	"github.com/stretchr/testify/require"
)

// load decodes a kernel of testdata.
func load(t testing.TB, file, name string) *Kernel {
	t.Helper()
	src, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	m, err := Parse(string(src))
	require.NoError(t, err)
	k, err := m.Entry(name)
	require.NoError(t, err)
	return k
}

// params lays out a parameter block.
func params(t testing.TB, k *Kernel, values ...any) []byte {
	t.Helper()
	require.Len(t, values, len(k.params))
	var b []byte
	for i, v := range values {
		b = append(b, make([]byte, k.params[i].Offset-len(b))...)
		require.Equal(t, k.params[i].Size, binary.Size(v))
		b, _ = binary.Append(b, binary.LittleEndian, v)
	}
	return b
}

// upload copies a slice to fresh device memory.
func upload[T any](t testing.TB, m *Memory, v []T) uint64 {
	t.Helper()
	b, err := binary.Append(nil, binary.LittleEndian, v)
	require.NoError(t, err)
	addr := alloc(t, m, len(b))
	require.NoError(t, m.Write(addr, b))
	return addr
}

func alloc(t testing.TB, m *Memory, bytes int) uint64 {
	t.Helper()
	addr, err := m.Alloc(int64(bytes))
	require.NoError(t, err)
	return addr
}

// download copies n elements back.
func download[T any](t testing.TB, m *Memory, addr uint64, n int) []T {
	t.Helper()
	v := make([]T, n)
	b := make([]byte, binary.Size(v))
	require.NoError(t, m.Read(addr, b))
	_, err := binary.Decode(b, binary.LittleEndian, v)
	require.NoError(t, err)
	return v
}

// launch1 runs one block of n threads.
func launch1(t testing.TB, k *Kernel, m *Memory, n int, o Options, values ...any) error {
	t.Helper()
	return k.Run(&Launch{Grid: [3]int{1}, Block: [3]int{n}, Params: params(t, k, values...), Memory: m, Options: o})
}

// eachRowSet runs a test with the rows in use and, where that is another set, with the Go rows.
func eachRowSet(t *testing.T, f func(t *testing.T)) {
	t.Run("rows", f)
	if reflect.ValueOf(rows.add).Pointer() == reflect.ValueOf(goRows.add).Pointer() {
		return
	}
	saved := rows
	rows = goRows
	defer func() { rows = saved }()
	t.Run("go", f)
}
