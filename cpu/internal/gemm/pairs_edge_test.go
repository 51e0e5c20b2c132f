//go:build linux

package gemm

import (
	"syscall"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/tandem-compute/tandem/cpu/internal/pool"
)

// atTheEdge is a [rows, cols] matrix of bf16 ones that ends where memory does: to read behind it is a fault.
func atTheEdge(t *testing.T, rows, cols int, transposed bool) Matrix {
	page := syscall.Getpagesize()
	size := rows * cols * BF16.Size()
	whole := (size + page - 1) / page * page
	memory, err := syscall.Mmap(-1, 0, whole+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, syscall.Munmap(memory)) })
	require.NoError(t, syscall.Mprotect(memory[whole:], syscall.PROT_NONE))
	const one = 0x3f80
	elements := halves(unsafe.Pointer(&memory[whole-size]), rows*cols)
	for i := range elements {
		elements[i] = one
	}
	m := OfHalf(BF16, elements, cols, 1)
	if transposed {
		m.Row, m.Col = 1, rows
	}
	return m
}

// Packers of pairs read nothing behind their operands, in any layout.
func TestPairsReadNothingOutside(t *testing.T) {
	forPairs(t, func(t *testing.T, pairs, _ *Engine) {
		p := pool.Acquire()
		defer p.Release()
		var ws Workspace
		for layout := range 4 {
			for _, s := range [][3]int{{1, 1, 1}, {5, 7, 3}, {13, 17, 8}, {14, 31, 9}, {3, 33, 2}, {29, 40, 21}} {
				m, n, k := s[0], s[1], s[2]
				a, b := atTheEdge(t, m, k, layout&1 != 0), atTheEdge(t, k, n, layout&2 != 0)
				c := make([]float32, m*n)
				pairs.Multiply(&ws, p, 1, &Call{M: m, N: n, K: k, A: a, B: b, C: Of(c, n, 1), Alpha: 1})
				for _, x := range c {
					require.Equal(t, float32(k), x, "%v layout %d", s, layout)
				}
			}
		}
	})
}
